/**
 * `rfsn sim --port ros2`: the embedded simulator as a robot on ROS topics, which any controller may drive. It stays in one
 * world, for goals that people publish, or plays episodes: gives itself the goal of each, and begins the next when it has
 * ended. A robot that nobody commands any more brakes to rest by its own timeout.
 */
import { type EpisodeReport, Simulator, STEP_NS } from '../../sim/index.js';
import { MonotonicClock } from '../core/clock.js';
import { ServiceType } from '../io/ros2/names.js';
import { prefixOfInterfaces } from '../io/ros2/rcl-installation.js';
import { PlainNode } from '../io/ros2/robot/plain-node.js';
import { RosRobot } from '../io/ros2/robot/ros-robot.js';
import { chainWorldHash } from './checkpointing.js';
import { EpisodeTally, episodeFigures, episodeLine, type RunFigures } from './episode-tally.js';
import { RobotTime } from './ros2-robot-time.js';
import {
  endless,
  obstaclesFromStart,
  reachedWithin,
  runs,
  type StartPose,
  trueFromStart,
} from './ros2-robot-worlds.js';
import type { Run } from './run-options.js';
import type { StopRequest } from './stop-request.js';

/** The node, unless ROS's arguments name it otherwise. */
const SIMULATOR_NODE = 'rfsn_simulator';
const LASER_FRAME = 'laser';

/** An ended episode is left for the controller to see, the old goal is withdrawn, and the next world is there [ns]. */
const SEEN_NS = 0.2e9;
const WITHDRAWN_NS = 0.1e9;
/** The new world is seen for so long before its goal is told: topics keep no order among each other [ns]. */
const GOAL_AFTER_NS = 0.2e9;
/** How often movers are shown anew, and new listeners are looked for [ns of simulated time]. */
const MOVERS_NS = 0.2e9;
const LISTENERS_NS = 1e9;
/** While it is paused, whoever comes is told what time it is so often [ms]. */
const PAUSED_CLOCK_MS = 1000;

export interface Ros2RobotOptions {
  run: Run;
  /** Whether it plays episodes. */
  goals: boolean;
  /** Null: until told to stop. */
  episodes: number | null;
  /** Whether the simulator's time is ROS's. */
  clock: boolean;
  /** Simulated seconds a second. */
  speed: number;
  /** From `--ros-args` on. */
  rosArguments: readonly string[];
  stop: StopRequest;
}

export interface Ros2RobotResult {
  figures: RunFigures;
  /** Why the run could not go on; empty where it could. */
  fault: string;
}

interface TriggerResponse {
  success: boolean;
  message: string;
}

export class Ros2RobotSession {
  readonly #options: Ros2RobotOptions;
  readonly #tally = new EpisodeTally();
  readonly #time: RobotTime;
  readonly #truth: StartPose = { x: 0, y: 0, yaw: 0 };
  #node: PlainNode | null = null;
  #robot: RosRobot | null = null;
  #simulator: Simulator | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** How far simulated time is [ns]. */
  #nowNs = 0;
  #episode = 0;
  #paused = false;
  /** What comes next, each once its time is there [ns]. */
  #withdrawNs = Number.POSITIVE_INFINITY;
  #nextWorldNs = Number.POSITIVE_INFINITY;
  #goalNs = Number.POSITIVE_INFINITY;
  #moversNs = 0;
  #listenersNs = 0;
  #goalHeardBy = 0;
  #odometries = 0;
  #fault = '';
  readonly #onTimer = (): void => this.#tick();

  constructor(options: Ros2RobotOptions) {
    this.#options = options;
    const { clock: simulated, speed } = options;
    this.#time = new RobotTime({ clock: new MonotonicClock(), unixMs: Date.now, simulated, speed });
  }

  /**
   * Drives until the episodes are done or a stop is asked for.
   *
   * @throws Error that says what is missing, where there is no ROS; what the first world cannot be built of
   */
  async drive(): Promise<Ros2RobotResult> {
    const { run, goals, clock, stop, rosArguments } = this.#options;
    const { parameters } = run;
    const node = await PlainNode.open({
      name: SIMULATOR_NODE,
      rosArguments,
      failed: (where, error) => this.#end(`${where}: ${messageOf(error)}`),
    });
    this.#node = node;
    const shown = prefixOfInterfaces('visualization_msgs', process.env) !== '';
    if (!shown) this.#told('visualization_msgs is not installed, so the world is not shown on ~/world');
    try {
      const robot = new RosRobot({
        scope: node.scope,
        stamped: parameters.enable_stamped_cmd_vel,
        odomFrame: parameters.odom_frame,
        baseFrame: parameters.base_frame,
        laserFrame: LASER_FRAME,
        scanPeriodS: 1 / run.robot.laser.rateHz,
        stampOf: (ns) => this.#time.stampOf(ns),
        clock,
        shown,
        goals,
      });
      this.#robot = robot;
      const scenario = goals ? reachedWithin(run.scenario, parameters.goal_tolerance) : endless(run.scenario);
      this.#simulator = await Simulator.create({
        ...run,
        scenario,
        sink: robot,
        commands: robot,
        endOnCollision: goals,
      });
      this.#serve(node);
      node.spin();
      this.#begin(0);
      this.#time.anchor(this.#nowNs);
      this.#arm();
      await stop.asked;
    } finally {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
      try {
        if (goals) this.#robot?.cancelGoal(this.#nowNs);
      } catch (error) {
        this.#end(messageOf(error));
      }
      this.#simulator?.close();
      await node.close();
    }
    return { figures: this.#figures(), fault: this.#fault };
  }

  #serve(node: PlainNode): void {
    const orders: readonly [string, () => string][] = [
      ['~/reset', () => this.#reset()],
      ['~/pause', () => this.#pause()],
      ['~/resume', () => this.#resume()],
    ];
    for (const [name, order] of orders) {
      node.scope.service<object, TriggerResponse>(
        ServiceType.trigger,
        name,
        () => ({ success: true, message: this.#told(order()) }),
        (message) => ({ success: false, message }),
      );
    }
  }

  #reset(): string {
    this.#withdraw();
    this.#begin(this.#episode + 1);
    return `the robot stands at the start of ${this.#where()}`;
  }

  #pause(): string {
    if (!this.#paused) {
      this.#paused = true;
      this.#arm();
    }
    return 'time stands still';
  }

  #resume(): string {
    if (this.#paused) {
      this.#paused = false;
      this.#time.anchor(this.#nowNs);
      this.#arm();
    }
    return 'time goes on';
  }

  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onTimer, this.#paused ? PAUSED_CLOCK_MS : this.#time.waitMs(this.#nowNs + STEP_NS));
  }

  #tick(): void {
    this.#timer = null;
    try {
      if (this.#paused) this.#robot?.tick(this.#nowNs);
      else this.#advance();
    } catch (error) {
      this.#end(messageOf(error));
    }
    if (!this.#options.stop.requested) this.#arm();
  }

  #advance(): void {
    const dueNs = this.#time.due(this.#nowNs);
    while (this.#nowNs + STEP_NS <= dueNs && !this.#options.stop.requested) this.#step();
  }

  /** Readings go out before the clock that says that it is their time. */
  #step(): void {
    const simulator = this.#simulator!;
    const robot = this.#robot!;
    const ran = runs(simulator);
    this.#nowNs += STEP_NS;
    simulator.advanceTo(this.#nowNs);
    if (ran && !runs(simulator)) this.#onEpisodeEnd(simulator.report());
    if (this.#nowNs >= this.#withdrawNs) this.#withdraw();
    if (this.#nowNs >= this.#nextWorldNs) this.#begin(this.#episode + 1);
    if (this.#nowNs >= this.#goalNs) this.#sendGoal();
    this.#show(simulator);
    robot.tick(this.#nowNs);
  }

  /** What only people look at. */
  #show(simulator: Simulator): void {
    const robot = this.#robot!;
    if (robot.odometries !== this.#odometries) {
      this.#odometries = robot.odometries;
      trueFromStart(simulator, this.#truth);
      robot.groundTruth(this.#nowNs, this.#truth.x, this.#truth.y, this.#truth.yaw);
    }
    if (this.#nowNs >= this.#moversNs) {
      this.#moversNs = this.#nowNs + MOVERS_NS;
      if (simulator.world.movers.length > 0) this.#showWorld(simulator);
    }
    if (this.#nowNs >= this.#listenersNs) {
      this.#listenersNs = this.#nowNs + LISTENERS_NS;
      this.#tellNewListeners();
    }
  }

  #showWorld(simulator: Simulator): void {
    this.#robot!.world(this.#nowNs, obstaclesFromStart(simulator.world, simulator.episodeTimeS));
  }

  /** A controller that came after the goal was told has not heard of it. */
  #tellNewListeners(): void {
    const listeners = this.#robot!.goalListeners();
    const told = this.#goalNs === Number.POSITIVE_INFINITY && runs(this.#simulator!);
    if (listeners > this.#goalHeardBy && told) this.#robot!.sendGoal(this.#nowNs);
    this.#goalHeardBy = listeners;
  }

  #begin(episode: number): void {
    const simulator = this.#simulator!;
    this.#nextWorldNs = Number.POSITIVE_INFINITY;
    simulator.startEpisode(episode % (this.#options.run.scenario.worldCount ?? Number.POSITIVE_INFINITY));
    this.#episode = episode;
    this.#nowNs = simulator.nowNs;
    this.#goalNs = this.#options.goals ? this.#nowNs + GOAL_AFTER_NS : Number.POSITIVE_INFINITY;
    this.#showWorld(simulator);
    this.#told(`${this.#options.run.robot.name} in ${this.#where()}`);
  }

  #sendGoal(): void {
    this.#goalNs = Number.POSITIVE_INFINITY;
    this.#goalHeardBy = this.#robot!.goalListeners();
    this.#robot!.sendGoal(this.#nowNs);
  }

  #withdraw(): void {
    this.#withdrawNs = Number.POSITIVE_INFINITY;
    this.#goalNs = Number.POSITIVE_INFINITY;
    this.#robot!.cancelGoal(this.#nowNs);
    this.#nextWorldNs = this.#nowNs + WITHDRAWN_NS;
    const { episodes, stop } = this.#options;
    if (episodes !== null && this.#tally.episodes >= episodes) stop.ask('done');
  }

  #onEpisodeEnd(report: EpisodeReport): void {
    this.#tally.episode(report);
    this.#told(episodeLine(report));
    this.#goalNs = Number.POSITIVE_INFINITY;
    this.#withdrawNs = this.#nowNs + SEEN_NS;
  }

  #where(): string {
    const { run } = this.#options;
    return `world ${this.#episode} of ${run.scenarioName}, seed ${run.seed}`;
  }

  #told(text: string): string {
    this.#node?.logger.info(text);
    return text;
  }

  /** Ends the run because it cannot go on. */
  #end(fault: string): void {
    if (this.#fault === '') this.#fault = fault;
    this.#options.stop.ask('fault');
  }

  #figures(): RunFigures {
    const { run } = this.#options;
    const robot = this.#robot;
    const simulator = this.#simulator;
    const hash = simulator === null ? 0 : chainWorldHash(0, simulator);
    return {
      ...episodeFigures(this.#tally),
      odometries: robot?.odometries ?? 0,
      commands: robot?.commands ?? 0,
      commands_malformed: robot?.commandsMalformed ?? 0,
      commands_refused: simulator?.commandsRefused ?? 0,
      world_hash: hash.toString(16).padStart(8, '0'),
      ...(run.isBarn ? { barn_score: this.#tally.barnScore } : {}),
    };
  }
}

/** The same in words. */
export function ros2RobotSummary(figures: RunFigures): string {
  const count = (name: string) => Number(figures[name] ?? 0).toLocaleString('en');
  const lines = [`${count('odometries')} odometries, ${count('commands')} commands`];
  if (figures['commands_malformed'] !== 0) lines.push(`${count('commands_malformed')} commands were none`);
  if (figures['commands_refused'] !== 0) lines.push(`${count('commands_refused')} commands were not finite`);
  if (figures['episodes'] !== 0) {
    const rate = (name: string) => `${(100 * Number(figures[name])).toFixed(1)} %`;
    lines.push(
      `${count('episodes')} episodes: ${rate('success_rate')} success, ${rate('collision_rate')} collision, ${rate('timeout_rate')} timeout`,
    );
    if (typeof figures['barn_score'] === 'number') lines.push(`BARN score ${figures['barn_score'].toFixed(4)}`);
  }
  return `${lines.join('\n')}\n`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
