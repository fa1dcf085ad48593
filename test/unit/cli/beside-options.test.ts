import { expect, it } from 'vitest';
import { hostsOf, pageArgument } from '../../../src/cli/beside-options.js';

it.each([
  ['', []],
  ['robot.example', ['robot.example']],
  [' robot.example , other, ', ['robot.example', 'other']],
])('names of the page in %j', (text, names) => {
  expect(hostsOf(text)).toEqual(names);
});

it.each([
  ['8748', '127.0.0.1:8748'],
  [':8748', '127.0.0.1:8748'],
  ['127.0.0.1:0', '127.0.0.1:0'],
  ['0.0.0.0:8600', '0.0.0.0:8600'],
])('the page at %j is at %j', (text, listen) => {
  expect(pageArgument(text)).toBe(listen);
});

it.each(['99999', ':123456', 'here', '127.0.0.1:99999'])('a page at %j is refused by the name of its flag', (text) => {
  expect(() => pageArgument(text)).toThrow(/^--page: /);
});
