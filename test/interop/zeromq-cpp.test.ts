import { afterAll, beforeAll } from 'vitest';
import { compileCpp, describeWith, makeFolder, missingCpp } from '../support/languages.js';
import { describeClient } from './client-suite.js';
import { Probe } from './probe-process.js';
import { describeRobot } from './robot-suite.js';

describeWith('the ZeroMQ link in C++', missingCpp(), () => {
  let probe = '';
  let robot = '';
  let remove = () => {};

  beforeAll(() => {
    let folder = '';
    [folder, remove] = makeFolder();
    probe = compileCpp('test/interop/probe.cpp', folder);
    robot = compileCpp('examples/zeromq/robot.cpp', folder);
  });
  afterAll(() => remove());

  describeClient({ language: 'C++', keepsForms: false, start: () => new Probe(probe) });
  describeRobot('C++', () => [robot]);
});
