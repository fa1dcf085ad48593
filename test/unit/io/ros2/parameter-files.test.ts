import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { filesForOthers, readParameterFiles } from '../../../../src/io/ros2/parameter-files.js';
import { ParameterError } from '../../../../src/parameters/parameter-error.js';
import { temporaryFolder } from '../../../support/command-line.js';

const at = temporaryFolder();
const SOME = '  ros__parameters: {epsilon: 0.5}';

function file(content: string, name = 'robot.yaml'): string {
  writeFileSync(at(name), content);
  return at(name);
}
const complaints = (content: string, node = '/robot1/rfsn_controller') =>
  filesForOthers(readParameterFiles(['--ros-args', '--params-file', file(content), '--']), node);

describe('a parameter file among ROS’s arguments', () => {
  it('that cannot be read is refused with its path', () => {
    const missing = at('missing.yaml');
    expect(() => readParameterFiles(['--ros-args', '--params-file', missing, '--'])).toThrow(
      `${missing}: cannot read the parameter file: ENOENT`,
    );
    mkdirSync(at('folder'));
    expect(() => readParameterFiles(['--ros-args', '--params-file', at('folder'), '--'])).toThrow(ParameterError);
    const locked = file('', 'locked.yaml');
    chmodSync(locked, 0);
    if (process.getuid?.() !== 0) expect(() => readParameterFiles(['--params-file', locked])).toThrow(ParameterError);
  });

  it.each([
    ['/**'],
    ['/robot1/rfsn_controller'],
    ['robot1/rfsn_controller'],
    ['/*/rfsn_controller'],
    ['/robot1/**'],
    ['another_node:\n  ros__parameters: {a: 1}\n/**'],
  ])('with a section %s is for /robot1/rfsn_controller', (section) => {
    expect(complaints(`${section}:\n${SOME}`)).toEqual([]);
  });

  it('may have its sections in one another, and be empty below them', () => {
    expect(complaints('robot1:\n  rfsn_controller:\n    ros__parameters: {epsilon: 0.5}')).toEqual([]);
    expect(complaints('/**:\n  ros__parameters: {}')).toEqual([]);
  });

  it.each([
    ['the namespace left out', `rfsn_controller:\n${SOME}`, 'its sections are rfsn_controller;'],
    ['a name misspelt', `rfsn_controler:\n${SOME}`, 'its sections are rfsn_controler;'],
    ['others alone', `/one:\n${SOME}\n/two/*:\n${SOME}`, 'its sections are /one, /two/*;'],
    ['nothing in it', '# to be filled in\n', 'it has no section;'],
  ])('with %s is told of, with what the section is called', (_, content, has) => {
    expect(complaints(content)).toEqual([
      `${at('robot.yaml')} holds no parameters for this node: ${has} ` +
        'the section must be called /robot1/rfsn_controller, or /** for all nodes',
    ]);
  });

  it('is told of by itself, whatever others hold, and left to ROS where it is no YAML', () => {
    const mine = file(`/**:\n${SOME}`, 'mine.yaml');
    const others = file(`other:\n${SOME}`, 'others.yaml');
    const broken = file('a: [', 'broken.yaml');
    const args = ['--ros-args', '--params-file', mine, '-r', 'a:=b', '--', '--ros-args', '--params-file', others];
    const files = readParameterFiles([...args, '--params-file', broken, '--']);
    expect(files.map(({ path }) => path)).toEqual([mine, others]);
    expect(filesForOthers(files, '/rfsn_controller')).toEqual([
      expect.stringContaining(`${others} holds no parameters`),
    ]);
  });
});
