import { setTimeout as sleep } from 'node:timers/promises';
import { expectationOf } from '../../src/io/zeromq/session/expectation.js';
import { ZeromqPort } from '../../src/io/zeromq/zeromq-port.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { DealerRobot } from '../support/dealer-robot.js';
import { describePort } from './port-contract.js';

describePort({
  name: 'zeromq',
  async make() {
    const parameters = loadParameters([], {
      'zeromq.drive_endpoint': 'tcp://127.0.0.1:*',
      'zeromq.watch_endpoint': 'tcp://127.0.0.1:*',
      'zeromq.administer_endpoint': '',
    });
    const port = new ZeromqPort({ parameters, expectation: expectationOf(parameters) });
    let robot: DealerRobot | null = null;
    return {
      port,
      async pass(seconds) {
        // The robot is there as soon as there is a place to connect to.
        if (robot === null && port.endpoints.drive !== '') robot = new DealerRobot(port.endpoints.drive);
        await sleep(seconds * 1000);
      },
      nowNs: () => Number(process.hrtime.bigint()),
      speed: () => robot?.speed ?? 0,
      dispose: () => robot?.close(),
    };
  },
});
