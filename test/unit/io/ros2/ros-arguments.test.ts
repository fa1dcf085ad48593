import { describe, expect, it } from 'vitest';
import { splitRosArguments } from '../../../../src/io/ros2/ros-arguments.js';

const split = (line: string) => {
  const { own, ros } = splitRosArguments(line.split(' ').filter((word) => word !== ''));
  return [own.join(' '), ros.join(' ')];
};

describe('a command line', () => {
  it('without --ros-args is all its own, a -p and a -- too', () => {
    expect(split('run --port ros2 -p 8080 -- x')).toEqual(['run --port ros2 -p 8080 -- x', '']);
    expect(split('')).toEqual(['', '']);
  });

  it('is ROS’s from --ros-args to the end', () => {
    expect(split('run --page --ros-args -p a:=1 -r cmd_vel:=/base/cmd_vel')).toEqual([
      'run --page',
      '--ros-args -p a:=1 -r cmd_vel:=/base/cmd_vel --',
    ]);
  });

  it('is its own again after a --', () => {
    expect(split('run --ros-args --log-level debug -- --page --ros-args --params-file x.yaml')).toEqual([
      'run --page',
      '--ros-args --log-level debug -- --ros-args --params-file x.yaml --',
    ]);
  });

  it('holds what ros2 launch appends: each stretch begins with a mark of its own', () => {
    expect(split('run --ros-args -r __node:=left --ros-args --params-file /tmp/x -r odom:=o')).toEqual([
      'run',
      '--ros-args -r __node:=left --ros-args --params-file /tmp/x -r odom:=o --',
    ]);
  });

  it('may turn logs on and off', () => {
    expect(split('--ros-args --disable-stdout-logs --enable-rosout-logs')[1]).toContain('--disable-stdout-logs');
  });

  it('takes values as they are, whatever they look like', () => {
    expect(split('--ros-args -p a:=-1 -p --ros-args')[1]).toBe('--ros-args -p a:=-1 -p --ros-args --');
  });

  it.each([
    ['--ros-args --page', '--page is no argument of ROS'],
    ['--ros-args -p a:=1 stray', 'stray is no argument of ROS'],
    ['--ros-args --disable-logs', '--disable-logs is no argument of ROS'],
    ['--ros-args -p', '-p after --ros-args needs a value'],
    ['--ros-args -r -- x', '-r after --ros-args needs a value'],
  ])('%s is refused', (line, complaint) => {
    expect(() => split(line)).toThrow(complaint);
  });
});
