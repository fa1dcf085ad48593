/** What codes are called on the page. Pure. */

/** The eight movement directions, as the robot sees them: k · 45° from ahead, counter-clockwise. */
export const DIRECTIONS = 8;
export const directionNames: readonly string[] = [
  'ahead',
  'ahead left',
  'left',
  'back left',
  'back',
  'back right',
  'right',
  'ahead right',
];
/** With ahead drawn upwards. */
export const directionArrows: readonly string[] = ['↑', '↖', '←', '↙', '↓', '↘', '→', '↗'];

const reasonSentences: Readonly<Record<string, string>> = {
  none: 'as chosen',
  slowed: 'slowed, to stop short of what lies ahead',
  obstacle: 'stopped: that way ends in an obstacle',
  unseen_ground: 'stopped: nobody has seen the ground back there',
  enclosed: 'every direction is blocked; looking for a way out',
  contact: 'stopped: something touches the robot',
  contact_escape: 'backing off from a contact',
  stale_odometry: 'stopped: odometry is too old',
  stale_ranges: 'stopped: the scan is too old',
  stale_contacts: 'stopped: contacts are too old',
  no_goal: 'stands: there is no goal',
  arrived: 'stands: arrived',
  disarmed: 'stands: disarmed',
  deadline_missed: 'slowed: the cycle missed its deadline',
  breaker_open: 'the breaker is open: the rule drives',
  heartbeat_lost: 'stopped: the main thread shows no life',
  fault: 'stopped by a fault; latched until a restart',
  stopping: 'stopping: the controller is ending',
  stalled: 'turned on the spot and got nowhere: the rule drives it out',
};

/** A reason's label as a sentence's end; one that is newer than this page, by its label. */
export function reasonSentence(label: string | undefined): string {
  if (label === undefined) return 'unknown';
  return reasonSentences[label] ?? label.replaceAll('_', ' ');
}

export function plain(label: string | undefined): string {
  return (label ?? 'unknown').replaceAll('_', ' ');
}

/** @param mask bit k: direction k was allowed. @returns names of those that were not */
export function forbiddenNames(mask: number): string[] {
  return directionNames.filter((_, k) => (mask & (1 << k)) === 0);
}

/** One `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
}

/** One direction's sector out of its feature's name, `obstacle_3`; the features' names without underscores. */
export function featureName(name: string): string {
  const sector = /^obstacle_(\d)$/.exec(name);
  if (sector !== null) return `obstacle ${directionNames[Number(sector[1])]}`;
  const action = /^action_(\d)_ago$/.exec(name);
  if (action !== null) return `action ${action[1]} ago`;
  return name.replaceAll('_', ' ');
}

/** Who drives, by the controller's name for it. */
export function driverName(label: string | undefined): string {
  return label === 'fallback' ? 'rule' : label === 'none' ? 'nobody' : plain(label);
}

/** How a direction came to be taken: the policy has a probability for its choice, the rule has none. */
export function byWhom(driver: string | undefined, probability: string): string {
  return driver === 'fallback' ? 'by the rule' : probability;
}

/** What a robot without a name of its own is called; the controller calls one that it drives itself `local`. */
export function robotName(name: string): string {
  return name === 'local' ? 'simulated robot' : name;
}
