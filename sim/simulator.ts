/**
 * The embedded simulator: one robot among obstacles in Rapier 2D, stepped at 100 Hz of virtual time. Training calls
 * `advanceTo` as fast as it can; `SimPort` calls it in step with the wall clock. The same seed, options and commands
 * give the same bits: `stateHash` says so.
 *
 * One thread; a step and its readings cost a few microseconds each and allocate nothing but what Rapier's narrow phase
 * hands out while something touches.
 */
import RAPIER from '@dimforge/rapier2d-deterministic-compat';
import { wrapAngle } from '../src/core/angles.js';
import { assert } from '../src/core/assert.js';
import { hashSeed, mix32 } from '../src/core/hash.js';
import {
  type CommandSource,
  type MotionCommand,
  type ObservationSink,
  type RangeScan,
  Rejection,
  type RejectionCode,
} from '../src/io/port.js';
import { barnScore } from './barn.js';
import { Clearance } from './clearance.js';
import { checkFaults, DelayLine, delayCapacity, type FaultSettings, FaultStreams, noFaults } from './faults.js';
import { Raycaster } from './raycaster.js';
import { beamIncrement, firstBeamAngle, jackal, type RobotModel } from './robots.js';
import type { Scenario } from './scenario.js';
import { BOX_STRIDE, CIRCLE_STRIDE, MOVER_STRIDE, moverPosition, type World } from './world.js';

/** Physics steps a second. */
export const STEP_HZ = 100;
const STEP_S = 1 / STEP_HZ;
/** [ns] */
export const STEP_NS = 1e9 / STEP_HZ;
/** Footprint and obstacle touch where the exact distance between them is at most this [m]. */
const TOUCH_DISTANCE = 0.002;
/** The robot is at fault where its own motion along the contact normal exceeds this [m/s]. */
const FAULT_SPEED = 0.05;
/** BARN's clock runs from the moment the robot is this far from its start [m]. */
const BARN_DEPARTURE = 0.1;

/** How an episode stands. */
export const Outcome = { running: 0, success: 1, collision: 2, timeout: 3 } as const;
export type OutcomeCode = (typeof Outcome)[keyof typeof Outcome];

export interface SimulatorOptions {
  scenario: Scenario;
  sink: ObservationSink;
  commands: CommandSource;
  /** Default: the Jackal. */
  robot?: RobotModel;
  /** Episodes' seeds are hashed from it and their number. Default 42. */
  seed?: number;
  /** Default: none. */
  faults?: FaultSettings;
  /** Whether a contact ends the episode. Default true. */
  endOnCollision?: boolean;
}

/** How an episode ended, or stands. */
export interface EpisodeReport {
  episode: number;
  outcome: OutcomeCode;
  touched: boolean;
  atFault: boolean;
  /** [s] */
  episodeTimeS: number;
  /** The time limit where the goal was not reached [s]. */
  timeToGoalS: number;
  /** [m] */
  minimumClearance: number;
  /** The world's number in BARN; null in other scenarios. */
  barnWorld: number | null;
  barnScore: number | null;
  /** Somebody gave it another goal on the way: its outcome says nothing of the world's task. */
  redirected: boolean;
}

export class Simulator {
  readonly robot: RobotModel;
  readonly scenario: Scenario;
  readonly #seed: number;
  readonly #sink: ObservationSink;
  readonly #commands: CommandSource;
  readonly #faults: FaultSettings;
  readonly #streams = new FaultStreams();
  readonly #endOnCollision: boolean;
  readonly #delayed: boolean;
  readonly #commandDelayed: boolean;

  readonly #raycaster: Raycaster;
  readonly #clearance: Clearance;
  readonly #scan: RangeScan;
  readonly #odometryLine: DelayLine;
  readonly #contactLine: DelayLine;
  readonly #scanLine: DelayLine;
  readonly #commandLine: DelayLine;

  /** Rapier. Its world lives for one episode. */
  #physics: RAPIER.World | null = null;
  #body = 0;
  #robotCollider: RAPIER.Collider | null = null;
  #moverBodies = new Float64Array(0);
  readonly #vector = RAPIER.VectorOps.intoRaw({ x: 0, y: 0 });
  readonly #noGravity = RAPIER.VectorOps.intoRaw({ x: 0, y: 0 });
  /** Rapier writes body vectors here. */
  readonly #pair = new Float32Array(4);
  readonly #point = new Float64Array(2);
  /** x, y, yaw, vx, vy, yaw rate as Rapier has them, and the same bits for hashing. */
  readonly #state = new Float32Array(6);
  readonly #stateBits = new Uint32Array(this.#state.buffer);

  #world: World | null = null;
  #episode = -1;
  #stepCount = 0;
  #episodeStartStep = 0;
  #outcome: OutcomeCode = Outcome.running;
  #touched = false;
  #touchStep = -1;
  #atFault = false;
  #minimumClearance = Number.POSITIVE_INFINITY;
  #departureStep = -1;
  /** The step in which the episode ended. */
  #ended = 0;
  #hash = 0;

  /** World frame [m]; the world's goal unless the episode was redirected. */
  #goalX = 0;
  #goalY = 0;
  #redirected = false;
  /** Since when the time limit counts, time of the episode [s]. */
  #limitFromS = 0;

  /** True pose in the world frame. */
  #x = 0;
  #y = 0;
  #yaw = 0;
  #cos = 1;
  #sin = 0;
  /** Velocity in `base_link`. */
  #vx = 0;
  #vy = 0;
  #yawRate = 0;
  /** What the drive asked of the body in this step, world frame. */
  #drivenX = 0;
  #drivenY = 0;
  #drivenYawRate = 0;

  readonly #incoming: MotionCommand = { vx: 0, vy: 0, yawRate: 0, cycle: 0, reason: 0, stampNs: 0 };
  #targetVx = 0;
  #targetVy = 0;
  #targetYawRate = 0;
  #commandStep = 0;
  #commandsRefused = 0;

  /** Odometry, which is the truth unless a fault bends it. */
  #startCos = 1;
  #startSin = 0;
  #odomX = 0;
  #odomY = 0;
  #odomYaw = 0;
  #slipX = 0;
  #slipY = 0;
  #slipYaw = 0;
  #drift = 0;

  /** Bumper forces since the last contact reading: front, left, back, right [N]. */
  readonly #forces = new Float64Array(4);

  readonly #onTouchedCollider = (other: RAPIER.Collider): void => {
    this.#physics?.contactPair(this.#robotCollider!, other, this.#onManifold);
  };
  readonly #onManifold = (manifold: RAPIER.TempContactManifold): void => this.#readManifold(manifold);

  /** Loads Rapier's WebAssembly once per process, then builds a simulator. */
  static async create(options: SimulatorOptions): Promise<Simulator> {
    await RAPIER.init();
    return new Simulator(options);
  }

  private constructor(options: SimulatorOptions) {
    const robot = options.robot ?? jackal;
    const faults = options.faults ?? noFaults;
    checkFaults(faults);
    this.robot = robot;
    this.scenario = options.scenario;
    this.#seed = options.seed ?? 42;
    this.#sink = options.sink;
    this.#commands = options.commands;
    this.#faults = faults;
    this.#endOnCollision = options.endOnCollision ?? true;
    this.#delayed = faults.sensorLatencyMaxS > 0;
    this.#commandDelayed = faults.commandLatencyMaxS > 0;
    this.#raycaster = new Raycaster(robot.laser);
    this.#clearance = new Clearance(robot);
    this.#scan = {
      angleMin: firstBeamAngle(robot.laser),
      angleIncrement: beamIncrement(robot.laser),
      rangeMin: robot.laser.rangeMin,
      rangeMax: robot.laser.rangeMax,
      count: robot.laser.beams,
      ranges: new Float32Array(robot.laser.beams),
      mountX: robot.laser.mountX,
      mountY: robot.laser.mountY,
      mountYaw: robot.laser.mountYaw,
    };
    const latency = faults.sensorLatencyMaxS;
    this.#odometryLine = new DelayLine(delayCapacity(robot.odometryRateHz, latency), 6);
    this.#contactLine = new DelayLine(delayCapacity(robot.contactRateHz, latency), 4);
    this.#scanLine = new DelayLine(delayCapacity(robot.laser.rateHz, latency), robot.laser.beams);
    this.#commandLine = new DelayLine(delayCapacity(STEP_HZ, faults.commandLatencyMaxS), 3);
  }

  /**
   * Puts the robot at the start of an episode's world, at rest, and hands its first readings and the goal to the sink.
   * The `odom` frame is the start pose. Takes one step of virtual time, so that stamps rise; commands given before it
   * are forgotten.
   *
   * @realtime unsafe
   */
  startEpisode(episode: number): void {
    assert(Number.isInteger(episode) && episode >= 0, 'simulator: an episode is an index');
    this.#free();
    const world = this.scenario.build(this.#seed, episode, this.robot);
    this.#world = world;
    this.#episode = episode;
    this.#stepCount++;
    this.#episodeStartStep = this.#stepCount;
    this.#outcome = Outcome.running;
    this.#touched = false;
    this.#atFault = false;
    this.#minimumClearance = Number.POSITIVE_INFINITY;
    this.#departureStep = -1;
    this.#goalX = world.goalX;
    this.#goalY = world.goalY;
    this.#redirected = false;
    this.#limitFromS = 0;
    this.#buildPhysics(world);
    this.#raycaster.setWorld(world);
    this.#clearance.setWorld(world);

    this.#odometryLine.clear();
    this.#contactLine.clear();
    this.#scanLine.clear();
    this.#commandLine.clear();
    this.#streams.seed(hashSeed(this.#seed, episode));
    const slip = this.#streams.odometrySlip;
    this.#slipX = 1 + this.#faults.odometrySlip * slip.nextRange(-1, 1);
    this.#slipY = 1 + this.#faults.odometrySlip * slip.nextRange(-1, 1);
    this.#slipYaw = 1 + this.#faults.odometrySlip * slip.nextRange(-1, 1);
    this.#drift = this.#faults.odometryDrift * slip.nextRange(-1, 1);
    this.#startCos = Math.cos(world.startYaw);
    this.#startSin = Math.sin(world.startYaw);
    this.#odomX = 0;
    this.#odomY = 0;
    this.#odomYaw = 0;
    this.#forces.fill(0);

    this.#commands.read(this.#incoming);
    this.#targetVx = 0;
    this.#targetVy = 0;
    this.#targetYawRate = 0;
    this.#commandStep = this.#stepCount;

    this.#readBody();
    this.#placeMovers(0);
    this.#measureClearance();
    this.#absorbState();
    this.#sink.newFrame();
    this.#publish(true);
    const cos = this.#startCos;
    const sin = this.#startSin;
    const dx = world.goalX - world.startX;
    const dy = world.goalY - world.startY;
    const nowNs = this.nowNs;
    this.#sink.goal(nowNs, nowNs, cos * dx + sin * dy, cos * dy - sin * dx, world.goalTolerance);
  }

  /**
   * Gives the running episode another goal, and its whole time limit anew. Arriving there ends it.
   *
   * @param x in `odom` as the robot's odometry stands now, which is where it believes to be: what is seen beside the robot
   *   is meant where it is, whatever the odometry has drifted by [m]
   * @returns what the sink said to it; nothing has changed where it refused
   * @throws AssertionError where no episode runs
   */
  redirect(x: number, y: number): RejectionCode {
    assert(this.#world !== null && this.#outcome === Outcome.running, 'simulator: a running episode is redirected');
    const nowNs = this.nowNs;
    const code = this.#sink.goal(nowNs, nowNs, x, y, this.world.goalTolerance);
    if (code !== Rejection.accepted) return code;
    const turn = this.#yaw - this.#odomYaw;
    const dx = x - this.#odomX;
    const dy = y - this.#odomY;
    this.#goalX = this.#x + Math.cos(turn) * dx - Math.sin(turn) * dy;
    this.#goalY = this.#y + Math.sin(turn) * dx + Math.cos(turn) * dy;
    this.#redirected = true;
    this.#limitFromS = this.episodeTimeS;
    return code;
  }

  /**
   * Runs steps while virtual time stays at or below `timeNs` and the episode runs. After the episode's end time passes
   * and nothing else: the world stands still until `startEpisode`.
   *
   * @realtime unsafe (Rapier)
   */
  advanceTo(timeNs: number): void {
    const last = Math.floor(timeNs / STEP_NS);
    assert(this.#world !== null, 'simulator: an episode was started');
    while (this.#stepCount < last && this.#outcome === Outcome.running) this.#step();
    if (this.#stepCount < last) this.#stepCount = last;
  }

  /** Frees Rapier's memory. The simulator can start another episode afterwards. */
  close(): void {
    this.#free();
    this.#world = null;
  }

  /** Virtual time since the simulator was made [ns]; rises over episodes. */
  get nowNs(): number {
    return this.#stepCount * STEP_NS;
  }
  get episode(): number {
    return this.#episode;
  }
  /** The current episode's world; read only. */
  get world(): World {
    assert(this.#world !== null, 'simulator: an episode was started');
    return this.#world;
  }
  get outcome(): OutcomeCode {
    return this.#outcome;
  }
  /** Whether anything touched the robot in this episode, also where contacts do not end it. */
  get touched(): boolean {
    return this.#touched;
  }
  /** Whether the first contact was made by the robot's own motion, above 0.05 m/s along the contact normal. */
  get atFault(): boolean {
    return this.#atFault;
  }
  /** Time of this episode; stands still after its end [s]. */
  get episodeTimeS(): number {
    return this.#endStep() * STEP_S - this.#episodeStartStep * STEP_S;
  }
  /** Time to the goal; an episode without success counts at its limit [s]. */
  get timeToGoalS(): number {
    return this.#outcome === Outcome.success ? this.episodeTimeS : this.world.timeLimitS;
  }
  /**
   * BARN's score; null in other scenarios, where the path length is unknown, while the episode runs, and where it was
   * redirected.
   */
  get barnScore(): number | null {
    const { barn } = this.world;
    if (barn === null || barn.pathLength === null || this.#redirected) return null;
    if (this.#outcome === Outcome.running) return null;
    if (this.#outcome !== Outcome.success) return 0;
    return barnScore(true, barn.pathLength, (this.#endStep() - this.#departureStep) * STEP_S);
  }
  /** Smallest distance between footprint and obstacles in this episode [m]. */
  get minimumClearance(): number {
    return this.#minimumClearance;
  }
  /** True pose, world frame [m]. */
  get x(): number {
    return this.#x;
  }
  get y(): number {
    return this.#y;
  }
  /** [rad], in [-π, π) */
  get yaw(): number {
    return this.#yaw;
  }
  /** True velocity, `base_link` [m/s]. */
  get vx(): number {
    return this.#vx;
  }
  get vy(): number {
    return this.#vy;
  }
  /** [rad/s] */
  get yawRate(): number {
    return this.#yawRate;
  }
  /** True distance to the goal [m]. */
  get goalDistance(): number {
    const dx = this.#goalX - this.#x;
    const dy = this.#goalY - this.#y;
    return Math.sqrt(dx * dx + dy * dy);
  }
  /** Whether this episode was given another goal. */
  get redirected(): boolean {
    return this.#redirected;
  }
  /** Commands that were not finite; the base took them for zero. */
  get commandsRefused(): number {
    return this.#commandsRefused;
  }

  /** The episode in one object. @realtime unsafe (allocates) */
  report(): EpisodeReport {
    return {
      episode: this.#episode,
      outcome: this.#outcome,
      touched: this.#touched,
      atFault: this.#atFault,
      episodeTimeS: this.episodeTimeS,
      timeToGoalS: this.timeToGoalS,
      minimumClearance: this.#minimumClearance,
      barnWorld: this.world.barn?.world ?? null,
      barnScore: this.barnScore,
      redirected: this.#redirected,
    };
  }

  /** Hash over the body's state after every step since the simulator was made: equal runs have equal hashes. */
  stateHash(): number {
    return mix32(this.#hash);
  }

  #endStep(): number {
    return this.#outcome === Outcome.running ? this.#stepCount : this.#ended;
  }

  #free(): void {
    this.#physics?.free();
    this.#physics = null;
    this.#robotCollider = null;
  }

  #buildPhysics(world: World): void {
    const physics = new RAPIER.World({ x: 0, y: 0 });
    physics.timestep = STEP_S;
    // Contacts are foreseen over the way of one step, so that the robot stops at a surface and not inside it.
    physics.integrationParameters.normalizedPredictionDistance = 1.5 * this.robot.maxSpeed * STEP_S;
    const { circles, boxes, movers } = world;
    for (let i = 0; i < circles.length; i += CIRCLE_STRIDE) {
      physics.createCollider(RAPIER.ColliderDesc.ball(circles[i + 2]).setTranslation(circles[i], circles[i + 1]));
    }
    for (let i = 0; i < boxes.length; i += BOX_STRIDE) {
      const desc = RAPIER.ColliderDesc.cuboid(boxes[i + 2], boxes[i + 3]).setTranslation(boxes[i], boxes[i + 1]);
      physics.createCollider(desc.setRotation(Math.atan2(boxes[i + 5], boxes[i + 4])));
    }
    this.#moverBodies = new Float64Array(movers.length / MOVER_STRIDE);
    for (let i = 0; i < this.#moverBodies.length; i++) {
      moverPosition(movers, i * MOVER_STRIDE, 0, this.#point);
      const body = physics.createRigidBody(
        RAPIER.RigidBodyDesc.kinematicPositionBased().setTranslation(this.#point[0], this.#point[1]),
      );
      physics.createCollider(RAPIER.ColliderDesc.ball(movers[i * MOVER_STRIDE + 4]), body);
      this.#moverBodies[i] = body.handle;
    }
    const body = physics.createRigidBody(
      RAPIER.RigidBodyDesc.dynamic()
        .setTranslation(world.startX, world.startY)
        .setRotation(world.startYaw)
        .setCanSleep(false),
    );
    const { length, width, mass } = this.robot;
    this.#robotCollider = physics.createCollider(RAPIER.ColliderDesc.cuboid(length / 2, width / 2).setMass(mass), body);
    this.#body = body.handle;
    this.#physics = physics;
  }

  #step(): void {
    const physics = this.#physics!;
    this.#takeCommand();
    this.#drive();
    const timeS = (this.#stepCount + 1 - this.#episodeStartStep) * STEP_S;
    this.#placeMovers(timeS);
    // The pipeline itself, since World.step makes a gravity vector for the garbage collector at each call.
    physics.physicsPipeline.raw.step(
      this.#noGravity,
      physics.integrationParameters.raw,
      physics.islands.raw,
      physics.broadPhase.raw,
      physics.narrowPhase.raw,
      physics.bodies.raw,
      physics.colliders.raw,
      physics.impulseJoints.raw,
      physics.multibodyJoints.raw,
      physics.ccdSolver.raw,
    );
    this.#stepCount++;
    this.#readBody();
    this.#integrateOdometry();
    this.#absorbState();
    const clearance = this.#measureClearance();
    if (clearance <= TOUCH_DISTANCE) physics.contactPairsWith(this.#robotCollider!, this.#onTouchedCollider);
    this.#judge(timeS);
    this.#publish(this.#outcome !== Outcome.running);
  }

  #takeCommand(): void {
    const nowNs = this.nowNs;
    const incoming = this.#incoming;
    if (this.#commands.read(incoming)) {
      const { packetLoss, commandLatencyMinS, commandLatencyMaxS } = this.#faults;
      if (packetLoss > 0 && this.#streams.commandLoss.nextFloat() < packetLoss) {
        // Lost on the way.
      } else if (this.#commandDelayed) {
        const delayNs = 1e9 * this.#streams.commandLatency.nextRange(commandLatencyMinS, commandLatencyMaxS);
        const line = this.#commandLine;
        const at = line.push(nowNs, nowNs + delayNs) * line.width;
        line.payload[at] = incoming.vx;
        line.payload[at + 1] = incoming.vy;
        line.payload[at + 2] = incoming.yawRate;
      } else {
        this.#setTarget(incoming.vx, incoming.vy, incoming.yawRate);
      }
    }
    if (this.#commandDelayed) {
      const line = this.#commandLine;
      for (let row = line.pop(nowNs); row >= 0; row = line.pop(nowNs)) {
        const at = row * line.width;
        this.#setTarget(line.payload[at], line.payload[at + 1], line.payload[at + 2]);
      }
    }
    if ((this.#stepCount - this.#commandStep) * STEP_S >= this.robot.commandTimeoutS) {
      this.#targetVx = 0;
      this.#targetVy = 0;
      this.#targetYawRate = 0;
    }
  }

  /** The base's own limits; a command that is no number is a zero one. */
  #setTarget(vx: number, vy: number, yawRate: number): void {
    const { maxSpeed, maxYawRate } = this.robot;
    this.#commandStep = this.#stepCount;
    if (!(Number.isFinite(vx) && Number.isFinite(vy) && Number.isFinite(yawRate))) {
      this.#commandsRefused++;
      this.#targetVx = 0;
      this.#targetVy = 0;
      this.#targetYawRate = 0;
      return;
    }
    const sideways = this.robot.drive === 'omnidirectional' ? vy : 0;
    const speed = Math.sqrt(vx * vx + sideways * sideways);
    const scale = speed > maxSpeed ? maxSpeed / speed : 1;
    this.#targetVx = vx * scale;
    this.#targetVy = sideways * scale;
    this.#targetYawRate = Math.min(maxYawRate, Math.max(-maxYawRate, yawRate));
  }

  /** Turns the body's velocity toward the commanded one as far as the acceleration limits let it in one step. */
  #drive(): void {
    const { maxAcceleration, maxYawAcceleration, drive } = this.robot;
    // A differential base cannot keep a sideways velocity that a blow gave it: its tyres hold.
    const fromVy = drive === 'omnidirectional' ? this.#vy : 0;
    let changeX = this.#targetVx - this.#vx;
    let changeY = this.#targetVy - fromVy;
    const change = Math.sqrt(changeX * changeX + changeY * changeY);
    const changeMax = maxAcceleration * STEP_S;
    if (change > changeMax) {
      changeX *= changeMax / change;
      changeY *= changeMax / change;
    }
    const yawChangeMax = maxYawAcceleration * STEP_S;
    const yawChange = Math.min(yawChangeMax, Math.max(-yawChangeMax, this.#targetYawRate - this.#yawRate));
    const vx = this.#vx + changeX;
    const vy = fromVy + changeY;
    const yawRate = this.#yawRate + yawChange;
    // The heading in the middle of the step: Rapier moves in a straight line where the robot drives an arc.
    const middle = this.#yaw + 0.5 * yawRate * STEP_S;
    const cos = Math.cos(middle);
    const sin = Math.sin(middle);
    this.#drivenX = cos * vx - sin * vy;
    this.#drivenY = sin * vx + cos * vy;
    this.#drivenYawRate = yawRate;
    const bodies = this.#physics!.bodies.raw;
    this.#vector.x = this.#drivenX;
    this.#vector.y = this.#drivenY;
    bodies.rbSetLinvel(this.#body, this.#vector, true);
    bodies.rbSetAngvel(this.#body, yawRate, true);
  }

  #placeMovers(timeS: number): void {
    const { movers } = this.world;
    const bodies = this.#physics!.bodies.raw;
    for (let i = 0; i < this.#moverBodies.length; i++) {
      moverPosition(movers, i * MOVER_STRIDE, timeS, this.#point);
      bodies.rbSetNextKinematicTranslation(this.#moverBodies[i], this.#point[0], this.#point[1]);
      this.#raycaster.placeMover(i, this.#point[0], this.#point[1]);
      this.#clearance.placeMover(i, this.#point[0], this.#point[1]);
    }
  }

  #readBody(): void {
    const bodies = this.#physics!.bodies.raw;
    const pair = this.#pair;
    const state = this.#state;
    bodies.rbTranslation(this.#body, pair);
    state[0] = pair[0];
    state[1] = pair[1];
    state[2] = bodies.rbRotation(this.#body);
    bodies.rbLinvel(this.#body, pair);
    state[3] = pair[0];
    state[4] = pair[1];
    state[5] = bodies.rbAngvel(this.#body);
    this.#x = state[0];
    this.#y = state[1];
    this.#yaw = wrapAngle(state[2]);
    this.#yawRate = state[5];
    this.#cos = Math.cos(this.#yaw);
    this.#sin = Math.sin(this.#yaw);
    // The velocity belongs to the heading in the middle of the step, half a turn increment back.
    const middle = this.#yaw - 0.5 * state[5] * STEP_S;
    const cos = Math.cos(middle);
    const sin = Math.sin(middle);
    this.#vx = cos * state[3] + sin * state[4];
    this.#vy = cos * state[4] - sin * state[3];
  }

  /** @returns the distance from the footprint to the nearest obstacle [m] */
  #measureClearance(): number {
    const clearance = this.#clearance.measure(this.#x, this.#y, this.#cos, this.#sin);
    if (clearance < this.#minimumClearance) this.#minimumClearance = clearance;
    return clearance;
  }

  #readManifold(manifold: RAPIER.TempContactManifold): void {
    const contacts = manifold.numContacts();
    let impulse = 0;
    let touches = false;
    for (let i = 0; i < contacts; i++) {
      const part = manifold.contactImpulse(i);
      impulse += part;
      if (part > 0 || manifold.contactDist(i) <= 0) touches = true;
    }
    if (!touches) return;
    const normal = manifold.normal();
    let px = 0;
    let py = 0;
    const points = manifold.numSolverContacts();
    for (let i = 0; i < points; i++) {
      const point = manifold.solverContactPoint(i)!;
      px += (point.x - this.#x) / points;
      py += (point.y - this.#y) / points;
    }
    // The footprint is convex around its centre, so the outward normal is the one along the way to the contact.
    const outward = normal.x * px + normal.y * py >= 0 ? 1 : -1;
    const nx = outward * normal.x;
    const ny = outward * normal.y;
    // Where several things touch in the first step, one that the robot drove into is enough.
    if (!this.#touched || this.#touchStep === this.#stepCount) {
      const ownX = this.#drivenX - this.#drivenYawRate * py;
      const ownY = this.#drivenY + this.#drivenYawRate * px;
      this.#touched = true;
      this.#touchStep = this.#stepCount;
      if (ownX * nx + ownY * ny > FAULT_SPEED) this.#atFault = true;
    }
    const force = impulse / STEP_S;
    const ahead = force * (this.#cos * nx + this.#sin * ny);
    const left = force * (this.#cos * ny - this.#sin * nx);
    const forces = this.#forces;
    if (ahead > forces[0]) forces[0] = ahead;
    if (left > forces[1]) forces[1] = left;
    if (-ahead > forces[2]) forces[2] = -ahead;
    if (-left > forces[3]) forces[3] = -left;
  }

  #judge(timeS: number): void {
    const world = this.world;
    if (this.#departureStep < 0) {
      const dx = this.#x - world.startX;
      const dy = this.#y - world.startY;
      if (dx * dx + dy * dy >= BARN_DEPARTURE * BARN_DEPARTURE) this.#departureStep = this.#stepCount;
    }
    if (this.#touched && this.#endOnCollision) this.#outcome = Outcome.collision;
    else if (this.goalDistance <= world.goalTolerance) this.#outcome = Outcome.success;
    else if (timeS - this.#limitFromS >= world.timeLimitS) this.#outcome = Outcome.timeout;
    if (this.#outcome !== Outcome.running) this.#ended = this.#stepCount;
  }

  #integrateOdometry(): void {
    const { odometrySlip, odometryDrift } = this.#faults;
    if (odometrySlip === 0 && odometryDrift === 0) {
      const dx = this.#x - this.world.startX;
      const dy = this.#y - this.world.startY;
      this.#odomX = this.#startCos * dx + this.#startSin * dy;
      this.#odomY = this.#startCos * dy - this.#startSin * dx;
      this.#odomYaw = wrapAngle(this.#yaw - this.world.startYaw);
      return;
    }
    const vx = this.#vx * this.#slipX;
    const vy = this.#vy * this.#slipY;
    const turn = (this.#yawRate * this.#slipYaw + this.#drift) * STEP_S;
    const middle = this.#odomYaw + 0.5 * turn;
    const cos = Math.cos(middle);
    const sin = Math.sin(middle);
    this.#odomX += (cos * vx - sin * vy) * STEP_S;
    this.#odomY += (sin * vx + cos * vy) * STEP_S;
    this.#odomYaw = wrapAngle(this.#odomYaw + turn);
  }

  #absorbState(): void {
    const bits = this.#stateBits;
    let hash = this.#hash;
    for (let i = 0; i < 6; i++) {
      hash = Math.imul(hash ^ bits[i], 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    this.#hash = hash;
  }

  /**
   * Hands over the readings that are due in this step. The first ones of an episode and the last ones go out whatever
   * the rates and faults say: the robot was sensed before it set out, and what ended the episode is known.
   */
  #publish(all: boolean): void {
    const nowNs = this.nowNs;
    if (this.#delayed) this.#deliver(all ? Number.POSITIVE_INFINITY : nowNs);
    if (all || this.#due(this.robot.odometryRateHz)) this.#publishOdometry(nowNs, all);
    if (all || this.#due(this.robot.contactRateHz)) this.#publishContacts(nowNs, all);
    if (all || this.#due(this.robot.laser.rateHz)) this.#publishScan(nowNs, all);
  }

  /** Whole numbers, so that 30 Hz comes 30 times a second and not every 33 ms plus a rounding. */
  #due(rateHz: number): boolean {
    return ((this.#stepCount - this.#episodeStartStep) * rateHz) % STEP_HZ < rateHz;
  }

  #lost(): boolean {
    const { packetLoss } = this.#faults;
    return packetLoss > 0 && this.#streams.sensorLoss.nextFloat() < packetLoss;
  }

  #dueNs(nowNs: number): number {
    const { sensorLatencyMinS, sensorLatencyMaxS } = this.#faults;
    return nowNs + 1e9 * this.#streams.sensorLatency.nextRange(sensorLatencyMinS, sensorLatencyMaxS);
  }

  #publishOdometry(nowNs: number, direct: boolean): void {
    let vx = this.#vx * this.#slipX;
    let vy = this.#vy * this.#slipY;
    let yawRate = this.#yawRate * this.#slipYaw + this.#drift;
    const noise = this.#faults.odometryNoise;
    if (noise > 0) {
      vx *= 1 + noise * this.#streams.odometryNoise.nextNormal();
      vy *= 1 + noise * this.#streams.odometryNoise.nextNormal();
      yawRate *= 1 + noise * this.#streams.odometryNoise.nextNormal();
    }
    if (!direct && this.#lost()) return;
    if (direct || !this.#delayed) {
      this.#sink.odometry(nowNs, nowNs, this.#odomX, this.#odomY, this.#odomYaw, vx, vy, yawRate);
      return;
    }
    const { payload, width } = this.#odometryLine;
    const at = this.#odometryLine.push(nowNs, this.#dueNs(nowNs)) * width;
    payload[at] = this.#odomX;
    payload[at + 1] = this.#odomY;
    payload[at + 2] = this.#odomYaw;
    payload[at + 3] = vx;
    payload[at + 4] = vy;
    payload[at + 5] = yawRate;
  }

  #publishContacts(nowNs: number, direct: boolean): void {
    const forces = this.#forces;
    if (direct || !this.#lost()) {
      if (direct || !this.#delayed) {
        this.#sink.contacts(nowNs, nowNs, forces[0], forces[1], forces[2], forces[3]);
      } else {
        const { payload, width } = this.#contactLine;
        const at = this.#contactLine.push(nowNs, this.#dueNs(nowNs)) * width;
        for (let side = 0; side < 4; side++) payload[at + side] = forces[side];
      }
    }
    forces.fill(0);
  }

  #publishScan(nowNs: number, direct: boolean): void {
    const { laser } = this.robot;
    const ranges = this.#scan.ranges;
    const x = this.#x + this.#cos * laser.mountX - this.#sin * laser.mountY;
    const y = this.#y + this.#sin * laser.mountX + this.#cos * laser.mountY;
    this.#raycaster.cast(x, y, this.#yaw + laser.mountYaw, ranges);
    this.#disturbScan();
    if (!direct && this.#lost()) return;
    if (direct || !this.#delayed) {
      this.#sink.ranges(nowNs, nowNs, this.#scan);
      return;
    }
    const { payload, width } = this.#scanLine;
    const at = this.#scanLine.push(nowNs, this.#dueNs(nowNs)) * width;
    for (let i = 0; i < width; i++) payload[at + i] = ranges[i];
  }

  #disturbScan(): void {
    const { laserNoise, laserDropout } = this.#faults;
    const { ranges, rangeMax, rangeMin } = this.#scan;
    if (laserNoise > 0) {
      const random = this.#streams.laserNoise;
      for (let i = 0; i < ranges.length; i++) {
        const range = ranges[i];
        if (range >= rangeMax || range < rangeMin) continue;
        const noisy = range + laserNoise * random.nextNormal();
        ranges[i] = noisy >= rangeMin ? noisy : Number.NEGATIVE_INFINITY;
      }
    }
    if (laserDropout > 0) {
      const random = this.#streams.laserDropout;
      for (let i = 0; i < ranges.length; i++) if (random.nextFloat() < laserDropout) ranges[i] = Number.NaN;
    }
  }

  /** Hands over what is due by `byNs`; everything at an episode's end. */
  #deliver(byNs: number): void {
    const nowNs = this.nowNs;
    const odometry = this.#odometryLine;
    for (let row = odometry.pop(byNs); row >= 0; row = odometry.pop(byNs)) {
      const p = odometry.payload;
      const at = row * odometry.width;
      const stampNs = odometry.stampNs(row);
      this.#sink.odometry(stampNs, nowNs, p[at], p[at + 1], p[at + 2], p[at + 3], p[at + 4], p[at + 5]);
    }
    const contacts = this.#contactLine;
    for (let row = contacts.pop(byNs); row >= 0; row = contacts.pop(byNs)) {
      const p = contacts.payload;
      const at = row * contacts.width;
      this.#sink.contacts(contacts.stampNs(row), nowNs, p[at], p[at + 1], p[at + 2], p[at + 3]);
    }
    const scans = this.#scanLine;
    for (let row = scans.pop(byNs); row >= 0; row = scans.pop(byNs)) {
      const ranges = this.#scan.ranges;
      const at = row * scans.width;
      for (let i = 0; i < ranges.length; i++) ranges[i] = scans.payload[at + i];
      this.#sink.ranges(scans.stampNs(row), nowNs, this.#scan);
    }
  }
}
