import { expect, it } from 'vitest';
import { hostsOf } from '../../../src/cli/beside-options.js';

it.each([
  ['', []],
  ['robot.example', ['robot.example']],
  [' robot.example , other, ', ['robot.example', 'other']],
])('names of the page in %j', (text, names) => {
  expect(hostsOf(text)).toEqual(names);
});
