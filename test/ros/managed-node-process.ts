/**
 * A managed node that does as its standard input says, one line a transition: `succeed`, `refuse`, `fail`, or `hold`, which
 * takes until the next line. Its argument `stuck`: some of it cannot be closed at the end. Tells of everything on standard
 * output, one JSON object a line.
 */
import { createInterface } from 'node:readline';
import { ManagedNode, Refusal } from '../../src/io/ros2/managed-node.js';
import { splitRosArguments } from '../../src/io/ros2/ros-arguments.js';
import { ParameterError } from '../../src/parameters/parameter-error.js';
import { defaultParameters } from '../../src/parameters/schema.js';

function tell(event: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

const { own, ros } = splitRosArguments(process.argv.slice(2));
const orders: string[] = own.filter((order) => order !== 'stuck');
let wake: (() => void) | null = null;

async function obey(what: string): Promise<void> {
  tell({ begun: what });
  let order = orders.shift() ?? 'succeed';
  if (order === 'hold') {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
    order = orders.shift() ?? 'succeed';
  }
  if (order === 'refuse') throw new Refusal('not today');
  if (order === 'fail') throw new Error('broken');
}

try {
  const node = await ManagedNode.open({
    rosArguments: ros,
    parameters: defaultParameters(),
    onFailure: (where, error) => tell({ failure: where, error: String(error) }),
    onSet: (name, value) => {
      if (value === 0.75) throw new ParameterError(name, '0.75 is not liked here');
      tell({ set: name, value });
    },
  });
  node.onState((state) => tell({ state }));
  tell({ open: node.node.getFullyQualifiedName(), values: node.values, simTime: node.simTime });
  if (own.includes('stuck')) {
    node.scope().close = () => {
      throw new Error('stuck');
    };
  }
  const last = node.scope();
  let scope = node.scope();
  node.manage({
    async configure() {
      scope = node.scope();
      scope.raw('std_msgs/msg/Bool', 'odom', 'sensor', (bytes) => {
        const data = bytes[4] === 1;
        tell({ heard: data });
        if (!data) throw new Error('a callback that throws');
      });
      scope.service(
        'std_srvs/srv/Trigger',
        '~/trigger',
        () => ({ success: true, message: '' }),
        (message) => ({ success: false, message }),
      );
      await obey('configure');
    },
    activate: () => obey('activate'),
    deactivate: () => obey('deactivate'),
    async cleanup() {
      await obey('cleanup');
      scope.close();
    },
    shutdown: () => obey('shutdown'),
    async error() {
      scope.close();
      tell({ begun: 'error' });
      return orders.shift() !== 'give up';
    },
  });
  createInterface({ input: process.stdin }).on('line', (line) => {
    orders.push(line);
    wake?.();
    wake = null;
  });
  const end = async () => {
    await node.transition('shutdown');
    await Promise.all([node.close(), node.close()]);
    tell({ closed: last.closed });
    process.stdin.destroy();
  };
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
} catch (error) {
  tell({ refused: (error as Error).message });
  process.exitCode = 2;
}
