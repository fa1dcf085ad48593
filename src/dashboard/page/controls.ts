/**
 * Orders to the robot. A stop goes out whatever else is under way, and if it cannot, as soon as it can; every answer is
 * told among the events.
 */
import type { Order } from '../wire.js';
import { type Connection, Refusal } from './connection.js';
import { buttonOf, byId, make, setHidden, setPressed, setText } from './dom.js';
import { ago, fixed } from './format.js';
import { Changed, type PageState } from './page-state.js';
import type { SceneInput } from './scene-input.js';
import { robotName } from './words.js';

/** What the simulator takes. */
const SPEEDS: readonly number[] = [0.1, 0.25, 0.5, 1, 2, 5, 10];

const WATCHING = 'This page only watches: orders need a token of the role control';

interface Checkpoint {
  readonly file: string;
  readonly written?: number;
  readonly bytes?: number;
}

export class Controls {
  readonly #state: PageState;
  readonly #connection: Connection;
  readonly #input: SceneInput;
  readonly #speed = byId('speed', HTMLSelectElement);
  readonly #robot = byId('robot', HTMLSelectElement);
  readonly #restore = byId('restore-dialog', HTMLDialogElement);
  /** Stops that were pressed and not answered yet, by robot: how many of them are on their way. */
  readonly #stops = new Map<string, number>();
  #presses = 0;
  #whyNot = '';

  constructor(state: PageState, connection: Connection, input: SceneInput) {
    this.#state = state;
    this.#connection = connection;
    this.#input = input;
    fillSpeeds(this.#speed, SPEEDS);
    buttonOf('stop').addEventListener('click', () => this.stop());
    buttonOf('arm').addEventListener('click', () => void this.arm());
    buttonOf('pause').addEventListener('click', () => this.pause());
    buttonOf('step').addEventListener('click', () => this.step());
    buttonOf('goal-mode').addEventListener('click', () => this.chooseGoal(!this.#input.choosing));
    buttonOf('freeze').addEventListener('click', () => {
      void this.order({ do: 'freeze', frozen: this.#state.status?.frozen !== true });
    });
    buttonOf('save').addEventListener('click', () => void this.order({ do: 'save' }));
    buttonOf('restore').addEventListener('click', () => void this.#openRestore());
    buttonOf('restore-close').addEventListener('click', () => this.#restore.close());
    this.#speed.addEventListener('change', () => void this.order({ do: 'speed', speed: Number(this.#speed.value) }));
    this.#robot.addEventListener('change', () => void this.order({ do: 'show', robot: this.#robot.value }));
  }

  get stopWaits(): boolean {
    return this.#stops.size > 0;
  }

  /** Each press goes out, also while one before it has not been answered: an arming may lie between the two. */
  stop(): void {
    const { hello, live } = this.#state;
    if (hello === null || !live) return;
    this.#input.choose(false);
    const robot = hello.robot.name;
    this.#presses++;
    if (!this.#stops.has(robot)) this.#stops.set(robot, 0);
    this.#state.changed |= Changed.link;
    this.#sendStop(robot);
  }

  /** Sends the stops that could not be sent before, each to the robot that was shown when it was pressed. */
  flush(): void {
    for (const [robot, underWay] of this.#stops) if (underWay === 0) this.#sendStop(robot);
  }

  #sendStop(robot: string): void {
    if (this.#connection.link.kind !== 'open') return;
    this.#countStop(robot, 1);
    this.#connection.ask({ do: 'stop' }, robot).then(
      () => this.#onStopAnswer(robot, true),
      (error: Error) => {
        // Without an answer it counts as not given, and goes out again with the next connection.
        const refused = error instanceof Refusal;
        this.#say(
          'warning',
          refused ? `STOP was refused: ${error.message}` : `STOP: ${error.message}; it is tried again`,
        );
        this.#onStopAnswer(robot, refused);
      },
    );
  }

  #onStopAnswer(robot: string, settled: boolean): void {
    this.#countStop(robot, -1);
    if (settled && this.#stops.get(robot) === 0) this.#stops.delete(robot);
  }

  /** One that was armed meanwhile is counted no more. */
  #countStop(robot: string, change: number): void {
    const underWay = this.#stops.get(robot);
    if (underWay !== undefined) this.#stops.set(robot, underWay + change);
  }

  /** Undoes the stops before it that wait, where it is carried out itself; one that is pressed meanwhile counts. */
  async arm(): Promise<void> {
    const robot = this.#shown;
    const presses = this.#presses;
    const armed = await this.order({ do: 'arm' }, robot);
    if (armed && robot !== undefined && presses === this.#presses) this.#stops.delete(robot);
  }

  pause(): void {
    if (this.#state.hello?.robot.paced !== true) return;
    void this.order({ do: 'pause', paused: this.#state.status?.paused !== true });
  }

  step(): void {
    if (this.#state.hello?.robot.paced === true) void this.order({ do: 'step' });
  }

  chooseGoal(on: boolean): void {
    this.#input.choose(on && this.#state.commands && this.#connection.link.kind === 'open');
    if (this.#input.choosing) byId('scene', HTMLCanvasElement).focus({ preventScroll: true });
  }

  goal(x: number, y: number): void {
    void this.order({ do: 'goal', x, y });
  }

  /**
   * Gives an order. What was done the server tells every page; why not, this one alone.
   *
   * @param to the robot that it is for
   * @returns whether it was carried out
   */
  async order(order: Order, to = this.#shown): Promise<boolean> {
    try {
      await this.#connection.ask(order, to);
      return true;
    } catch (error) {
      this.#say('warning', `${order.do}: ${(error as Error).message}`);
      return false;
    }
  }

  draw(): void {
    const { hello, status, live, commands } = this.#state;
    const connected = this.#connection.link.kind === 'open';
    const may = commands && connected;
    const stop = buttonOf('stop');
    // Not disabled while the connection is gone: pressed then, it waits for it.
    stop.disabled = !commands;
    stop.classList.toggle('waits', this.stopWaits);
    const arm = buttonOf('arm');
    const moves = status?.armed === true && !status.halted;
    arm.disabled = !may;
    setPressed(arm, moves);
    setText(arm, moves ? 'Armed' : 'Arm');
    setHidden(byId('pace', HTMLElement), !(live && hello?.robot.paced === true));
    for (const id of ['pause', 'step', 'freeze', 'save', 'restore', 'goal-mode']) buttonOf(id).disabled = !may;
    const paused = status?.paused === true;
    this.#speed.disabled = !may;
    setPressed(buttonOf('pause'), paused);
    setText(buttonOf('pause'), paused ? 'Go on' : 'Pause');
    if (status !== null) chooseSpeed(this.#speed, status.speed);
    setPressed(buttonOf('freeze'), status?.frozen === true);
    setText(buttonOf('freeze'), status?.frozen === true ? 'Frozen' : 'Freeze');
    const saves = hello?.robot.saves === true;
    setHidden(buttonOf('save'), !saves);
    setHidden(buttonOf('restore'), !saves);
    setPressed(buttonOf('goal-mode'), this.#input.choosing);
    this.#sayWhyNot(live && !commands ? WATCHING : '');
    document.body.classList.toggle('recording', hello !== null && !live);
    document.body.classList.toggle('watching', hello !== null && hello.role === 'watch');
    const robots = hello?.robots ?? [];
    setHidden(this.#robot, robots.length < 2);
    if (
      this.#robot.options.length !== robots.length ||
      robots.some((name, i) => this.#robot.options[i].value !== name)
    ) {
      this.#robot.replaceChildren(...robots.map((name) => new Option(robotName(name), name)));
    }
    if (hello !== null && document.activeElement !== this.#robot) this.#robot.value = hello.robot.name;
  }

  /** What is grey says why; what is not, what it does. @param why empty: nothing is in the way */
  #sayWhyNot(why: string): void {
    if (why === this.#whyNot) return;
    this.#whyNot = why;
    const bar = byId('stop', HTMLElement).parentElement;
    for (const element of bar?.querySelectorAll<HTMLElement>('button, select') ?? []) {
      element.dataset['title'] ??= element.title;
      element.title = why === '' ? element.dataset['title'] : why;
    }
  }

  /** Name of the robot on the page. */
  get #shown(): string | undefined {
    return this.#state.hello?.robot.name;
  }

  /** Of the controller's clock, which may be another than this machine's. */
  get #nowS(): number {
    return this.#state.status?.atS ?? Date.now() / 1000;
  }

  #say(level: 'info' | 'warning', text: string): void {
    this.#state.takeNotice({ kind: 'notice', atS: this.#nowS, level, text });
    this.#state.changed |= Changed.link;
  }

  async #openRestore(): Promise<void> {
    // Another may be shown by the time that somebody chooses.
    const robot = this.#shown;
    const box = byId('checkpoints', HTMLDivElement);
    box.replaceChildren(make('p', 'note', 'Looking…'));
    this.#restore.showModal();
    try {
      const { result } = await this.#connection.ask({ do: 'checkpoints' }, robot);
      const files = checkpointsOf(result);
      box.replaceChildren(...files.map((file) => this.#checkpoint(file, robot)));
      if (files.length === 0) box.append(make('p', 'note', 'Nothing has been saved yet.'));
    } catch (error) {
      box.replaceChildren(make('p', 'note', (error as Error).message));
    }
  }

  #checkpoint({ file, written, bytes }: Checkpoint, robot: string | undefined): HTMLElement {
    const row = make('div', 'checkpoint');
    const facts = [
      written === undefined ? '' : ago(Math.max(0, this.#nowS - written)),
      bytes === undefined ? '' : `${fixed(bytes / 1024, 0)} KiB`,
    ].filter((fact) => fact !== '');
    const take = make('button', '', 'Restore');
    take.type = 'button';
    take.setAttribute('aria-label', `Restore ${file}`);
    take.addEventListener('click', () => {
      this.#restore.close();
      void this.order({ do: 'restore', file }, robot);
    });
    row.append(make('code', '', file), make('span', 'note', facts.join(', ')), take);
    return row;
  }
}

/** `checkpoints` answers as over the link: `{ files: [{ file, written, bytes }] }`. */
export function checkpointsOf(result: unknown): Checkpoint[] {
  const files = Array.isArray(result) ? result : (result as { files?: unknown } | null)?.files;
  if (!Array.isArray(files)) return [];
  return files.map((entry: unknown) => (typeof entry === 'string' ? { file: entry } : (entry as Checkpoint)));
}

export function fillSpeeds(select: HTMLSelectElement, speeds: readonly number[]): void {
  select.replaceChildren(...speeds.map((speed) => new Option(`${speed}×`, String(speed), speed === 1, speed === 1)));
}

/** Shows a speed, also one that is none of those offered. */
export function chooseSpeed(select: HTMLSelectElement, speed: number): void {
  const value = String(speed);
  if (select.value === value) return;
  if (![...select.options].some((option) => option.value === value)) {
    select.append(new Option(`${speed}×`, value));
  }
  select.value = value;
}
