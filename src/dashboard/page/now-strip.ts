/** The numbers of the cycle that the scene shows. */
import { byId, make, setAttribute, setText } from './dom.js';
import { clockTime, count, DASH, degrees, duration, fixed, percent } from './format.js';
import type { PageState } from './page-state.js';
import { byWhom, directionNames, driverName, reasonSentence } from './words.js';

const NAMES = [
  'cycle',
  'time',
  'pose',
  'command',
  'direction',
  'goal',
  'reward',
  'lateness',
  'compute',
  'driver',
  'safety',
] as const;

export class NowStrip {
  readonly #state: PageState;
  readonly #cells = new Map<string, HTMLElement>();
  #reward = Number.NaN;

  constructor(state: PageState) {
    this.#state = state;
    const list = byId('now', HTMLDListElement);
    for (const name of NAMES) {
      const pair = make('div', `pair ${name}`);
      const value = make('dd', '', DASH);
      value.id = `now-${name}`;
      pair.append(make('dt', '', name), value);
      list.append(pair);
      this.#cells.set(name, value);
    }
  }

  draw(): void {
    const { record, fields, hello, atS } = this.#state;
    if (record === null || hello === null) return;
    this.#set('cycle', count(record[fields.cycle]));
    this.#set('time', clockTime(atS));
    const yaw = fixed(degrees(record[fields.poseYaw]), 0);
    this.#set('pose', `${fixed(record[fields.poseX], 2)}, ${fixed(record[fields.poseY], 2)} m  ${yaw}°`);
    const sideways = hello.robot.drive === 'omnidirectional' ? `, ${fixed(record[fields.commandVy], 2)}` : '';
    const turn = fixed(record[fields.commandYawRate], 2);
    this.#set('command', `${fixed(record[fields.commandVx], 2)}${sideways} m/s  ${turn} rad/s`);
    const driver = hello.drivers[record[fields.driver]];
    const how = byWhom(driver, percent(record[fields.probability]));
    this.#set('direction', fields.chose(record) ? `${directionNames[record[fields.action]]}, ${how}` : DASH);
    const away = fields.goalDistance < 0 ? Number.NaN : record[fields.raw + fields.goalDistance];
    this.#set('goal', Number.isFinite(record[fields.goalX]) ? `${fixed(away, 2)} m` : DASH);
    if (!Number.isNaN(record[fields.reward])) this.#reward = record[fields.reward];
    this.#set('reward', fixed(this.#reward, 3));
    this.#set('lateness', duration(record[fields.latenessNs] / 1e9));
    this.#set('compute', duration(record[fields.computeNs] / 1e9));
    this.#set('driver', driverName(driver));
    const reason = record[fields.reason];
    this.#set('safety', reasonSentence(hello.reasons[reason]));
    const cell = this.#cells.get('safety');
    if (cell !== undefined) setAttribute(cell, 'data-level', reason === 0 ? 'good' : 'warn');
  }

  #set(name: (typeof NAMES)[number], text: string): void {
    const cell = this.#cells.get(name);
    if (cell !== undefined) setText(cell, text);
  }
}
