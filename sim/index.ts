export { defaultFaults, type FaultSettings, noFaults } from './faults.js';
export { beamIncrement, firstBeamAngle, jackal, omni, type RobotModel, robots } from './robots.js';
export type { Scenario } from './scenario.js';
export { builders, scenarioOf } from './scenarios/index.js';
export { SimPort, type SimPortOptions } from './sim-port.js';
export {
  type EpisodeReport,
  Outcome,
  type OutcomeCode,
  Simulator,
  type SimulatorOptions,
  STEP_NS,
} from './simulator.js';
export type { World } from './world.js';
