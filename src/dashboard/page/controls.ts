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

const SPEEDS: readonly number[] = [0.1, 0.25, 0.5, 1, 2, 4, 8, 16];

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
  /** A stop that was pressed while nothing could be sent. */
  #stopWaits = false;
  /** Stops on their way. */
  #stopsAsked = 0;

  constructor(state: PageState, connection: Connection, input: SceneInput) {
    this.#state = state;
    this.#connection = connection;
    this.#input = input;
    fillSpeeds(this.#speed, SPEEDS);
    buttonOf('stop').addEventListener('click', () => this.stop());
    buttonOf('arm').addEventListener('click', () => this.arm());
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
    return this.#stopWaits;
  }

  /** Each press goes out, also while one before it has not been answered: an arming may lie between the two. */
  stop(): void {
    if (!this.#state.live) return;
    this.#input.choose(false);
    this.#stopWaits = true;
    this.#state.changed |= Changed.link;
    this.#sendStop();
  }

  /** Sends a stop that could not be sent before. */
  flush(): void {
    if (this.#stopWaits && this.#stopsAsked === 0) this.#sendStop();
  }

  #sendStop(): void {
    if (this.#connection.link.kind !== 'open') return;
    this.#stopsAsked++;
    this.#connection.ask({ do: 'stop' }).then(
      () => this.#onStopAnswer(true),
      (error: Error) => {
        // Without an answer it counts as not given, and goes out again with the next connection.
        const refused = error instanceof Refusal;
        this.#say(
          'warning',
          refused ? `STOP was refused: ${error.message}` : `STOP: ${error.message}; it is tried again`,
        );
        this.#onStopAnswer(refused);
      },
    );
  }

  #onStopAnswer(settled: boolean): void {
    this.#stopsAsked--;
    if (settled && this.#stopsAsked === 0) this.#stopWaits = false;
  }

  arm(): void {
    this.#stopWaits = false;
    void this.order({ do: 'arm' });
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

  /** Gives an order. What was done the server tells every page; why not, this one alone. @returns whether it was carried out */
  async order(order: Order): Promise<boolean> {
    try {
      await this.#connection.ask(order);
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
    stop.classList.toggle('waits', this.#stopWaits);
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
    document.body.classList.toggle('recording', hello !== null && !live);
    document.body.classList.toggle('watching', hello !== null && hello.role === 'watch');
    const robots = hello?.robots ?? [];
    setHidden(this.#robot, robots.length < 2);
    if (
      this.#robot.options.length !== robots.length ||
      robots.some((name, i) => this.#robot.options[i].value !== name)
    ) {
      this.#robot.replaceChildren(...robots.map((name) => new Option(name)));
    }
    if (hello !== null && document.activeElement !== this.#robot) this.#robot.value = hello.robot.name;
  }

  #say(level: 'info' | 'warning', text: string): void {
    this.#state.takeNotice({ kind: 'notice', atS: Date.now() / 1000, level, text });
    this.#state.changed |= Changed.link;
  }

  async #openRestore(): Promise<void> {
    const box = byId('checkpoints', HTMLDivElement);
    box.replaceChildren(make('p', 'note', 'Looking…'));
    this.#restore.showModal();
    try {
      const { result } = await this.#connection.ask({ do: 'checkpoints' });
      const files = checkpointsOf(result);
      box.replaceChildren(...files.map((file) => this.#checkpoint(file)));
      if (files.length === 0) box.append(make('p', 'note', 'Nothing has been saved yet.'));
    } catch (error) {
      box.replaceChildren(make('p', 'note', (error as Error).message));
    }
  }

  #checkpoint({ file, written, bytes }: Checkpoint): HTMLElement {
    const row = make('div', 'checkpoint');
    const facts = [
      written === undefined ? '' : ago(Date.now() / 1000 - written),
      bytes === undefined ? '' : `${fixed(bytes / 1024, 0)} KiB`,
    ].filter((fact) => fact !== '');
    const take = make('button', '', 'Restore');
    take.type = 'button';
    take.setAttribute('aria-label', `Restore ${file}`);
    take.addEventListener('click', () => {
      this.#restore.close();
      void this.order({ do: 'restore', file });
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
