/** Logs a run into the folder that its argument names until it is killed, and tells its parent how far it has come. */
import { FlightLog } from '../../src/telemetry/flight-log/flight-log.js';
import { LoggedRun } from '../support/logged-run.js';

const run = new LoggedRun(720);
const log = await FlightLog.open(process.argv[2], {
  what: 'killed',
  clock: run.clock,
  library: 'rfsn-controller',
  policy: 'lin-ts',
  metadata: {},
  learned: null,
  // Some parts before it is killed.
  maxFileBytes: 400_000,
  tell: (text) => process.stderr.write(`${text}\n`),
});
setInterval(() => {
  run.drive(log, 2);
  process.send?.({ cycle: run.cycle, written: log.counters.written });
}, 5);
