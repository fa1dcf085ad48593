// Writes the files of one launch, for launch/sim.launch.py: `node dist/sim/gazebo/main.js --out FOLDER --gazebo 8 …`.
// Prints, as one line of JSON, the files' paths and what the launch must know of the robot; exits with 2 and one line on
// stderr for what is wrong.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { launchFiles } from './launch-files.js';

const text = { type: 'string', default: '' } as const;

try {
  const { values } = parseArgs({
    options: {
      assets: text,
      out: text,
      gazebo: text,
      world: { type: 'string', default: 'course' },
      'barn-dir': text,
      robot: text,
      name: text,
      bridge: text,
      x: text,
      y: text,
      yaw: text,
    },
  });
  if (values.out === '' || values.assets === '') throw new Error('--assets and --out are missing');
  const files = launchFiles({
    assets: values.assets,
    world: values.world,
    barnDir: values['barn-dir'],
    robot: values.robot,
    name: values.name,
    bridge: values.bridge,
    x: values.x,
    y: values.y,
    yaw: values.yaw,
    major: Number(values.gazebo),
  });
  const world = join(values.out, 'world.sdf');
  const bridge = join(values.out, 'bridge.yaml');
  writeFileSync(world, files.world);
  writeFileSync(bridge, files.bridge);
  process.stdout.write(`${JSON.stringify({ ...files, world, bridge })}\n`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
