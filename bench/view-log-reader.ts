/** Opens a flight log as `rfsn view` does, in a process that has opened none before, and goes to places in it. */
import { parametersOf } from '../src/cli/flight-repeat.js';
import { robotWordsOf } from '../src/cli/live-robot.js';
import { Prng } from '../src/core/prng.js';
import { RecordedSource } from '../src/dashboard/recorded-source.js';
import { DecisionField } from '../src/memory/layout.js';
import { FlightLogReader } from '../src/telemetry/flight-log/log-reader.js';
import { timer } from './measure.js';
import { answerCalls } from './zeromq-part.js';

export interface LookOptions {
  path: string;
  seeks: number;
  seed: number;
}

export interface Looked {
  /** Until its indexes are read, or what stands for them [ns]. */
  indexNs: number;
  /** Until the page can be shown; its episodes come afterwards [ns]. */
  openNs: number;
  /** Each until the frame of that moment is there, its scan included [ns]. */
  seekNs: number[];
  /** From the first message to the last [s]. */
  seconds: number;
  /** All files were ended in order. */
  whole: boolean;
}

/** A frame may be so much older than the moment that was asked for [s]. */
const NEAR_S = 0.1;

async function look({ path, seeks, seed }: LookOptions): Promise<Looked> {
  const began = timer.nowNs();
  const log = new FlightLogReader(path);
  const indexNs = timer.nowNs() - began;
  try {
    const words = { name: 'robot', scene: '', kind: 'recording', paced: true, saves: false } as const;
    const source = new RecordedSource(log, { name: 'robot', robot: robotWordsOf(parametersOf(log), words) });
    const openNs = timer.nowNs() - began;
    const shown = { atS: Number.NaN, scan: false, cycle: Number.NaN };
    const view = source.view({
      frame: ({ atS, record, scan }) => {
        shown.atS = atS;
        shown.scan = scan !== null;
        shown.cycle = record[DecisionField.cycle];
      },
      episode: () => undefined,
      notice: ({ text }) => {
        throw new Error(text);
      },
    });
    await view.ask({ do: 'pause', paused: true });
    const { startS, endS } = source.extent;
    const random = Prng.seeded(seed);
    const seekNs: number[] = [];
    for (let i = 0; i < seeks; i++) {
      const atS = startS + random.nextFloat() * (endS - startS);
      const asked = timer.nowNs();
      await view.ask({ do: 'seek', atS });
      seekNs.push(timer.nowNs() - asked);
      const lateS = atS - shown.atS;
      if (!(lateS >= -NEAR_S && lateS <= NEAR_S && shown.scan)) {
        throw new Error(`asked for ${atS} s, was shown cycle ${shown.cycle} at ${shown.atS} s, scan: ${shown.scan}`);
      }
    }
    view.end();
    source.close();
    return { indexNs, openNs, seekNs, seconds: endS - startS, whole: log.parts.every((part) => part.complete) };
  } finally {
    log.close();
  }
}

answerCalls({ look });
