import type { Command } from 'commander';
import { Option } from 'commander';
import { type RobotModel, robots, type Scenario, scenarioOf, type World } from '../../sim/index.js';
import { REASON_LABELS } from '../memory/reason.js';
import { FlightLogReader, isFlightLog } from '../telemetry/flight-log/log-reader.js';
import { METADATA } from '../telemetry/flight-log/topics.js';
import { type FlightEpisode, flightEpisodes, flightPoints, flightTiming } from './flight-paths.js';
import { parametersOf } from './flight-repeat.js';
import { readHistory } from './history-file.js';
import { type LatenessPanel, latenessSvg } from './lateness-plot.js';
import { type CurveEpisode, learningCurveSvg } from './learning-curve.js';
import { logFileOf } from './log-folder.js';
import { type MapTrajectory, type MapWorld, mapSvg, type SheetCell, sheetSvg } from './map-plot.js';
import { pictureFormat, THEMES, type Theme, writePicture } from './picture.js';
import { refuseInput } from './text-output.js';
import { integerArgument, printNotes, UsageError } from './usage.js';

const KINDS = ['learning', 'lateness', 'map', 'sheet'] as const;
type Kind = (typeof KINDS)[number];

/** More worlds than this are no longer told apart on a page. */
const SHEET_MAX = 120;
/** A goal that differs by less is the world's own [m]. */
const SAME_GOAL = 0.01;
/** Where a log does not say what robot it was [m]. */
const UNKNOWN_ROBOT = { length: 0.5, width: 0.4 };

interface PlotOptions {
  output?: string;
  episode?: number;
  scenario?: string;
  title?: string;
  theme: Theme;
}

/** `rfsn plot KIND FILE...`: pictures without a browser. */
export function registerPlotCommand(program: Command): void {
  program
    .command('plot')
    .description('draw histories and flight logs as SVG or PNG')
    .argument('<kind>', `${KINDS.join(', ')}`)
    .argument('<files...>', 'flight logs, or folders, for their newest; for learning also the history of a training')
    .option('-o, --output <file>', 'where to, .svg or .png (default: KIND.svg)')
    .option(
      '--episode <n>',
      'map: this one alone (default: all in the world of the last that ended)',
      integerArgument(0, 2 ** 31),
    )
    .option('--scenario <name>', 'map, sheet: the worlds, where the log’s own file lies elsewhere by now')
    .option('--title <text>', 'another title')
    .addOption(
      new Option('--theme <name>', 'colours; auto follows the reader’s, and a PNG is light then')
        .choices([...THEMES])
        .default('auto'),
    )
    .addHelpText(
      'after',
      [
        '',
        'learning  success rate and time to goal over the episodes of one training',
        'lateness  how late cycles began and their commands went out, against the deadline; a panel for each log',
        'map       every way through one world, with collisions and where safety acted; of a real robot what its scans hit.',
        '          Of several logs each has a colour',
        'sheet     the episodes of all logs, each a small map with its outcome: BARN worlds with their score',
      ].join('\n'),
    )
    .action(plot);
}

async function plot(kind: string, files: string[], options: PlotOptions): Promise<void> {
  if (!(KINDS as readonly string[]).includes(kind)) {
    throw new UsageError(`plot ${kind} is unknown; allowed: ${KINDS.join(', ')}`);
  }
  const path = options.output ?? `${kind}.svg`;
  // Before a log is read that may be long.
  pictureFormat(path);
  refuseInput('-o', path, files);
  const svg = await pictureOf(kind as Kind, files, options);
  await writePicture(path, svg, options.theme);
  process.stdout.write(`wrote ${path}\n`);
}

async function pictureOf(kind: Kind, files: readonly string[], options: PlotOptions): Promise<string> {
  if (kind === 'learning') return learningPicture(files, options);
  if (kind === 'lateness') return latenessPicture(files, options);
  return kind === 'map' ? mapPicture(files, options) : sheetPicture(files, options);
}

/** A log, and the worlds it was driven in. */
class PlottedLog {
  readonly file: string;
  readonly log: FlightLogReader;
  /** As given; empty for a robot in no world of ours. */
  readonly scenarioName: string;
  readonly scenario: Scenario | null;
  readonly seed: number;
  readonly robot: RobotModel | null;

  constructor(file: string, options: PlotOptions) {
    this.file = file;
    this.log = new FlightLogReader(logFileOf(file));
    printNotes(this.log.notes);
    const { metadata } = this.log;
    this.scenarioName = options.scenario ?? metadata.get('scenario') ?? '';
    this.seed = Number(metadata.get('seed') ?? '0');
    this.robot = robots.get(metadata.get('robot_model') ?? '') ?? null;
    this.scenario = this.scenarioName === '' ? null : this.#scenarioNamed(this.scenarioName);
  }

  #scenarioNamed(name: string): Scenario {
    try {
      return scenarioOf(name);
    } catch (error) {
      throw new UsageError(
        `${this.file} was driven in ${name}, which is not here (${(error as Error).message}); --scenario says where it is`,
      );
    }
  }

  /** Null for a real robot. @throws UsageError where the log does not say whose worlds they are */
  world(episode: FlightEpisode): World | null {
    if (this.scenario === null) return null;
    if (this.robot === null) throw new UsageError(`${this.file} does not say which robot was simulated`);
    const world = this.scenario.build(this.seed, episode.episode ?? 0, this.robot);
    if (episode.episode === null && !hasGoalOf(episode, world)) {
      throw new UsageError(`${this.file} ends within an episode, and does not say in which`);
    }
    return world;
  }

  get policy(): string {
    return this.log.metadata.get(METADATA.policy) ?? '';
  }
}

/** Runs `body` on the logs, and lets go of their files. */
function withLogs<T>(files: readonly string[], options: PlotOptions, body: (logs: readonly PlottedLog[]) => T): T {
  const logs: PlottedLog[] = [];
  try {
    for (const file of files) logs.push(new PlottedLog(file, options));
    return body(logs);
  } finally {
    for (const { log } of logs) log.close();
  }
}

function learningPicture(files: readonly string[], options: PlotOptions): string {
  const [given, ...others] = files;
  if (others.length > 0) throw new UsageError(`plot learning draws one training, and ${files.length} files are given`);
  const file = logFileOf(given);
  const { scenario, episodes } = isFlightLog(file) ? curveOfLog(file, options) : curveOfHistory(file);
  if (episodes.length === 0) throw new UsageError(`${file} holds no episode that has ended`);
  const heading = options.title ?? (scenario === '' ? baseName(file) : `Learning in ${scenario}`);
  return learningCurveSvg({ scenario, heading, episodes, references: [] });
}

function curveOfHistory(file: string): { scenario: string; episodes: CurveEpisode[] } {
  const episodes = readHistory(file).map((entry, i) => {
    const timeS = entry['time_to_goal_s'] ?? entry['time_s'];
    if (typeof timeS !== 'number')
      throw new UsageError(`${file}: episode ${entry.episode}, line ${i + 1}, has no time`);
    return { success: entry.outcome === 'success', timeS };
  });
  return { scenario: '', episodes };
}

function curveOfLog(file: string, options: PlotOptions): { scenario: string; episodes: CurveEpisode[] } {
  return withLogs([file], options, ([plotted]) => ({
    scenario: shortScenario(plotted.scenarioName),
    episodes: endedIn(flightEpisodes(plotted.log)).map((episode) => {
      const success = episode.outcome === 'success';
      // A failed episode counts at its time limit, as in every figure.
      const timeS = success ? episode.durationS : (plotted.world(episode)?.timeLimitS ?? episode.durationS);
      return { success, timeS };
    }),
  }));
}

function latenessPicture(files: readonly string[], options: PlotOptions): string {
  const panels = files.map((file): LatenessPanel => {
    const log = new FlightLogReader(logFileOf(file));
    try {
      printNotes(log.notes);
      const parameters = parametersOf(log);
      const rate = parameters.controller_frequency;
      const { metadata } = log;
      const driven = metadata.get('scenario') || metadata.get('robot') || baseName(file);
      const name = `${driven.startsWith('barn:') ? 'BARN' : driven}, ${rate} Hz`;
      const title = files.length === 1 ? (options.title ?? name) : `${baseName(file)}: ${name}`;
      return { title, ...flightTiming(log), deadlineS: parameters.deadline_fraction / rate };
    } finally {
      log.close();
    }
  });
  return latenessSvg(panels);
}

function mapPicture(files: readonly string[], options: PlotOptions): string {
  return withLogs(files, options, (logs) => {
    const flights = logs.map((plotted) => ({ plotted, episodes: flightEpisodes(plotted.log) }));
    const [first] = flights;
    const chosen = chosenEpisode(first.plotted, first.episodes, options.episode);
    const world = first.plotted.world(chosen);
    const trajectories: { trajectory: MapTrajectory; episode: FlightEpisode }[] = [];
    const names = flights.length > 1 ? seriesNames(logs) : [];
    for (const [series, { plotted, episodes }] of flights.entries()) {
      if ((plotted.scenario === null) !== (world === null)) continue;
      for (const episode of episodes) {
        if (options.episode !== undefined && (episode.episode ?? 0) !== options.episode) continue;
        const own = plotted.world(episode);
        // A real robot's own frame is the map, as far as it was not put elsewhere.
        if (world === null || (own !== null && sameWorld(own, world))) {
          const trajectory = trajectoryOf(episode, own);
          trajectories.push({ trajectory: names.length > 0 ? { ...trajectory, series } : trajectory, episode });
        }
      }
    }
    const drawn = trajectories.filter(({ trajectory }) => trajectory.x.length > 0);
    if (drawn.length === 0) throw new UsageError(`${first.plotted.file} holds no odometry, so there is no way to draw`);
    const points =
      world === null
        ? flightPoints(first.plotted.log, options.episode === undefined ? {} : chosen)
        : new Float64Array(0);
    const { plotted } = first;
    return mapSvg(
      {
        title: options.title ?? mapTitle(plotted, chosen, world),
        notes: mapNotes(
          plotted,
          drawn.map(({ episode }) => episode),
          flights.length === 1,
        ),
        world: mapWorldOf(world, points),
        trajectories: drawn.map(({ trajectory }) => trajectory),
        names,
        length: plotted.robot?.length ?? UNKNOWN_ROBOT.length,
        width: plotted.robot?.width ?? UNKNOWN_ROBOT.width,
      },
      REASON_LABELS,
    );
  });
}

function sheetPicture(files: readonly string[], options: PlotOptions): string {
  return withLogs(files, options, (logs) => {
    const cells: SheetCell[] = [];
    const drawn: FlightEpisode[] = [];
    let total = 0;
    for (const plotted of logs) {
      const episodes = flightEpisodes(plotted.log);
      const ended = endedIn(episodes);
      for (const episode of ended.length > 0 ? ended : episodes) {
        const world = plotted.world(episode);
        if (world === null)
          throw new UsageError(`${plotted.file} is of a robot in no simulated world: plot map draws it`);
        total++;
        if (cells.length >= SHEET_MAX) continue;
        drawn.push(episode);
        cells.push({
          title: world.barn === null ? `episode ${episode.episode ?? 0}` : `world ${world.barn.world}`,
          result: resultText(episode),
          world: mapWorldOf(world, new Float64Array(0)),
          trajectory: trajectoryOf(episode, world),
        });
      }
    }
    if (cells.length === 0) throw new UsageError(`${files.join(', ')}: no episode to draw`);
    if (total > cells.length) process.stderr.write(`note: the first ${cells.length} of ${total} episodes are drawn\n`);
    const names = [...new Set(logs.map(({ scenarioName }) => shortScenario(scenarioName)))];
    const policies = [...new Set(logs.map(({ policy }) => policy))];
    return sheetSvg({
      title: options.title ?? `${names.join(', ')}: ${cells.length} episodes, ${policies.join(', ')}`,
      subtitle: sheetFigures(drawn),
      cells,
    });
  });
}

/** Those whose outcome says how well the task is done. */
function endedIn(episodes: readonly FlightEpisode[]): FlightEpisode[] {
  return episodes.filter(({ outcome, redirected }) => outcome !== 'running' && !redirected);
}

/** @throws UsageError where there is none, or not that one */
function chosenEpisode(
  { file }: PlottedLog,
  episodes: readonly FlightEpisode[],
  asked: number | undefined,
): FlightEpisode {
  const chosen =
    asked === undefined
      ? (endedIn(episodes).at(-1) ?? episodes.at(-1))
      : episodes.find(({ episode }) => (episode ?? 0) === asked);
  if (chosen !== undefined) return chosen;
  const numbers = episodes.map(({ episode }) => episode ?? 0);
  if (numbers.length === 0) throw new UsageError(`${file} holds no episode`);
  throw new UsageError(`${file} has no episode ${asked}; it holds ${numbers[0]} to ${numbers[numbers.length - 1]}`);
}

function trajectoryOf(episode: FlightEpisode, world: World | null): MapTrajectory {
  const { path, outcome } = episode;
  if (world === null) return { ...path, outcome, goal: episode.goal };
  // `odom` begins at the world's start.
  const [cos, sin] = [Math.cos(world.startYaw), Math.sin(world.startYaw)];
  const toX = (x: number, y: number) => world.startX + cos * x - sin * y;
  const toY = (x: number, y: number) => world.startY + sin * x + cos * y;
  const other = episode.goal !== null && !hasGoalOf(episode, world);
  return {
    outcome,
    x: path.x.map((x, i) => toX(x, path.y[i])),
    y: path.x.map((x, i) => toY(x, path.y[i])),
    yaw: path.yaw.map((yaw) => yaw + world.startYaw),
    reason: path.reason,
    jumped: path.jumped,
    goal: other && episode.goal !== null ? [toX(...episode.goal), toY(...episode.goal)] : null,
  };
}

function hasGoalOf({ goal }: FlightEpisode, world: World): boolean {
  if (goal === null) return false;
  const distance = Math.hypot(world.goalX - world.startX, world.goalY - world.startY);
  const [cos, sin] = [Math.cos(world.startYaw), Math.sin(world.startYaw)];
  const x = world.startX + cos * goal[0] - sin * goal[1];
  const y = world.startY + sin * goal[0] + cos * goal[1];
  return Math.hypot(x - world.goalX, y - world.goalY) < SAME_GOAL * Math.max(1, distance / 100);
}

function mapWorldOf(world: World | null, points: Float64Array): MapWorld {
  if (world === null) return { circles: [], boxes: [], movers: [], points, goal: null, goalTolerance: 0.25 };
  const { circles, boxes, movers, goalX, goalY, goalTolerance } = world;
  return { circles, boxes, movers, points, goal: [goalX, goalY], goalTolerance };
}

/** By which logs are told apart: their policies, or else their files. */
function seriesNames(logs: readonly PlottedLog[]): string[] {
  const policies = logs.map(({ policy }) => policy);
  return new Set(policies).size === logs.length ? policies : logs.map(({ file }) => baseName(file));
}

function sameWorld(a: World, b: World): boolean {
  const same = (p: Float64Array, q: Float64Array) => p.length === q.length && p.every((value, i) => value === q[i]);
  return (
    a.startX === b.startX &&
    a.startY === b.startY &&
    a.startYaw === b.startYaw &&
    same(a.circles, b.circles) &&
    same(a.boxes, b.boxes) &&
    same(a.movers, b.movers)
  );
}

function mapTitle(plotted: PlottedLog, chosen: FlightEpisode, world: World | null): string {
  if (world === null) return plotted.log.metadata.get('robot') ?? baseName(plotted.file);
  if (world.barn !== null) return `BARN world ${world.barn.world}`;
  return `${shortScenario(plotted.scenarioName)}, seed ${plotted.seed}, episode ${chosen.episode ?? 0}`;
}

/** @param single all ways are of one log */
function mapNotes(plotted: PlottedLog, episodes: readonly FlightEpisode[], single: boolean): string[] {
  const notes: string[] = [];
  if (episodes.length === 1) {
    const [{ durationS, score, outcome }] = episodes;
    notes.push(`${outcome === 'running' ? 'driven for' : `${outcome} after`} ${durationS.toFixed(1)} s`);
    if (score !== null) notes.push(`BARN score ${score.toFixed(3)}`);
  } else notes.push(`${episodes.length} times through`);
  const words = [plotted.robot?.name ?? '', single && plotted.policy !== '' ? `policy ${plotted.policy}` : ''];
  if (words.some((word) => word !== '')) notes.push(words.filter((word) => word !== '').join(', '));
  notes.push('poses are its odometry’s');
  return notes;
}

function resultText({ outcome, score, durationS }: FlightEpisode): string {
  if (outcome === 'success') return score === null ? `${durationS.toFixed(1)} s` : `score ${score.toFixed(2)}`;
  return outcome === 'running' ? 'under way' : outcome;
}

function sheetFigures(episodes: readonly FlightEpisode[]): string {
  const share = (outcome: string) => {
    const count = episodes.filter((episode) => episode.outcome === outcome).length;
    return `${number((100 * count) / episodes.length)} %`;
  };
  const scores = episodes.map(({ score }) => score).filter((score) => score !== null);
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  const scored = scores.length === episodes.length ? `, mean score ${mean.toFixed(4)}` : '';
  return `success ${share('success')}, collisions ${share('collision')}, out of time ${share('timeout')}${scored}`;
}

function number(value: number): string {
  return String(Number(value.toFixed(1)));
}

/** `barn:FILE`, without the folders that it lies in. */
function shortScenario(name: string): string {
  return name.startsWith('barn:') ? 'BARN' : name;
}

function baseName(file: string): string {
  return file.replace(/^.*[/\\]/, '').replace(/\.[^.]+$/, '');
}
