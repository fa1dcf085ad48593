import { beforeEach, describe, expect, it, vi } from 'vitest';
import { InputFigures } from '../../../../src/io/ros2/input-figures.js';
import type { InputFigureTable } from '../../../../src/io/ros2/inputs.js';
import { SilenceWatch } from '../../../../src/io/ros2/silence-watch.js';
import { defaultParameters } from '../../../../src/parameters/schema.js';

const LOOK_MS = 250;
const NOBODY = 'which nobody publishes: the robot stands until it does';

class Rig {
  readonly time = { known: true, pace: 1, ns: 100e9, nowNs: () => this.time.ns };
  readonly notices: string[] = [];
  readonly told: string[] = [];
  readonly published = new Set<string>();
  /** Inputs that bring a reading before each look. */
  readonly coming = new Set<InputFigures>();
  readonly odometry = this.#input('odometry');
  readonly scan = this.#input('scan');
  readonly contacts = this.#input('contacts');
  driving = true;
  readonly #watch: SilenceWatch;
  #nowMs = 5000;

  constructor(change: object = {}) {
    const { odometry, scan, contacts } = this;
    this.#watch = new SilenceWatch({
      node: { countPublishers: (topic) => (this.published.has(topic) ? 1 : 0) },
      figures: { odometry, scan, contacts } as InputFigureTable,
      parameters: { ...defaultParameters(), ...change },
      time: this.time,
      driving: () => this.driving,
      notice: (text) => this.notices.push(text),
      tell: (text) => this.told.push(text),
    });
  }

  pass(seconds: number): void {
    for (let ms = 0; ms < seconds * 1e3; ms += LOOK_MS) {
      this.#nowMs += LOOK_MS;
      this.time.ns += LOOK_MS * 1e6 * this.time.pace;
      for (const input of this.coming) {
        input.take(this.time.ns);
        if (this.time.known) input.accept(this.time.ns);
        else input.undated(this.time.ns);
      }
      this.#watch.look(this.#nowMs);
    }
  }

  #input(name: string): InputFigures {
    const made = new InputFigures(name, (text) => this.notices.push(text));
    made.addTopic(`/${name}`);
    return made;
  }
}

let rig: Rig;

beforeEach(() => {
  rig = new Rig();
});

describe('an input without which the robot stands', () => {
  it('that never comes is said once, with its topic and whether anybody publishes it, and once when it comes', () => {
    rig.coming.add(rig.odometry);
    rig.published.add('/odometry');
    rig.pass(300);
    expect(rig.notices).toEqual([`scan: nothing has come yet on /scan, ${NOBODY}`]);
    expect(rig.told).toEqual([]);
    rig.coming.add(rig.scan);
    rig.pass(300);
    expect(rig.notices).toHaveLength(1);
    expect(rig.told).toEqual(['scan: it comes on /scan']);
  });

  it('that never comes is said also where it cannot be asked who publishes it', () => {
    rig.coming.add(rig.odometry);
    vi.spyOn(rig.published, 'has').mockImplementation(() => {
      throw new Error('no graph');
    });
    rig.pass(300);
    expect(rig.notices).toEqual(['scan: nothing has come yet on /scan: the robot stands until it does']);
  });

  it('that falls silent is said, with its publisher where there is one', () => {
    rig.coming.add(rig.odometry).add(rig.scan);
    rig.published.add('/odometry').add('/scan');
    rig.pass(10);
    rig.coming.delete(rig.odometry);
    rig.pass(300);
    expect(rig.notices).toHaveLength(1);
    expect(rig.notices[0]).toMatch(
      /^odometry: nothing has come for \d\.\d s on \/odometry, although somebody publishes there: the robot stands/,
    );
  });

  it('that comes and goes is said anew only when it is silent for long, and at once when it was not for a minute', () => {
    rig.coming.add(rig.scan);
    const silence = (seconds: number) => {
      rig.coming.add(rig.odometry);
      rig.pass(1);
      rig.coming.delete(rig.odometry);
      rig.pass(seconds);
    };
    silence(5);
    for (let i = 0; i < 5; i++) silence(5);
    expect(rig.notices).toHaveLength(1);
    silence(12);
    expect(rig.notices).toHaveLength(2);
    rig.coming.add(rig.odometry);
    rig.pass(60);
    silence(5);
    expect(rig.notices).toHaveLength(3);
    expect(rig.told).toHaveLength(2);
  });

  it('is no matter while nobody lets the robot drive, and told anew to whoever does', () => {
    rig.driving = false;
    rig.pass(60);
    expect(rig.notices).toEqual([]);
    for (let times = 1; times <= 2; times++) {
      rig.driving = true;
      rig.pass(5);
      expect(rig.notices).toHaveLength(2 * times);
      rig.driving = false;
      rig.pass(5);
    }
  });

  it('is no contact sensor that never reported, unless contacts are required', () => {
    rig.coming.add(rig.odometry).add(rig.scan);
    rig.pass(20);
    expect(rig.notices).toEqual([]);
    rig.coming.add(rig.contacts);
    rig.pass(5);
    rig.coming.delete(rig.contacts);
    rig.pass(20);
    expect(rig.notices).toHaveLength(1);
    const required = new Rig({ contacts_required: true });
    required.coming.add(required.odometry).add(required.scan);
    required.pass(20);
    expect(required.notices).toEqual([`contacts: nothing has come yet on /contacts, ${NOBODY}`]);
  });

  it('is not silent while simulated time stands, and is also where that began anew', () => {
    rig.coming.add(rig.odometry).add(rig.scan);
    rig.pass(10);
    rig.time.pace = 0;
    rig.coming.clear();
    rig.pass(60);
    expect(rig.notices).toEqual([]);
    rig.time.ns -= 90e9;
    rig.time.pace = 1;
    rig.pass(5);
    expect(rig.notices).toHaveLength(2);
  });
});

describe('simulated time that nobody tells', () => {
  beforeEach(() => {
    rig.time.known = false;
  });
  const missing = (whose: string) =>
    `use_sim_time is true, and nothing has come on /clock, ${whose}: readings are refused and the robot stands until it does`;

  it('is said once some seconds after the activation, in place of every input, and once when it comes', () => {
    rig.coming.add(rig.odometry).add(rig.scan);
    rig.pass(1);
    expect(rig.notices).toEqual([]);
    rig.pass(60);
    expect(rig.notices).toEqual([missing('which nobody publishes')]);
    rig.time.known = true;
    rig.pass(60);
    expect(rig.notices).toHaveLength(1);
    expect(rig.told).toEqual(['/clock has come: cycles go by simulated time']);
  });

  it('is said before, where readings are refused for it', () => {
    rig.driving = false;
    rig.pass(60);
    expect(rig.notices).toEqual([]);
    rig.published.add('/clock');
    rig.coming.add(rig.scan);
    rig.pass(5);
    expect(rig.notices).toEqual([missing('although somebody publishes there')]);
  });

  it('is not said where it comes soon', () => {
    rig.coming.add(rig.odometry).add(rig.scan);
    rig.pass(1);
    rig.time.known = true;
    rig.pass(60);
    expect([...rig.notices, ...rig.told]).toEqual([]);
  });
});
