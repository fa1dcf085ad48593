/** A process that opens the whole link, is driven for a moment, and stops: it must end by itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expectationOf } from '../../src/io/zeromq/session/expectation.js';
import type { Administration } from '../../src/io/zeromq/session/session-controller.js';
import { ZeromqPort } from '../../src/io/zeromq/zeromq-port.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { DealerRobot } from '../support/dealer-robot.js';

const parameters = loadParameters([], {
  'zeromq.drive_endpoint': 'tcp://127.0.0.1:*',
  'zeromq.watch_endpoint': 'tcp://127.0.0.1:*',
  'zeromq.administer_endpoint': 'tcp://127.0.0.1:*',
  'zeromq.keys_dir': process.argv[2] ?? '',
});
const administration = { robots: () => [] } as unknown as Administration;
const port = new ZeromqPort({ parameters, administration, expectation: expectationOf(parameters) });
const accepted = () => 0 as const;
await port.start(
  {
    odometry: accepted,
    ranges: accepted,
    contacts: accepted,
    goal: accepted,
    feedback: accepted,
    newFrame: () => undefined,
    cancelGoal: () => undefined,
  },
  { read: () => false },
);
const robot = new DealerRobot(port.endpoints.drive);
if (parameters['zeromq.keys_dir'] === '') while (port.sessions.length === 0) await sleep(10);
else await sleep(200);
await port.stop();
robot.close();
process.stdout.write('stopped\n');
