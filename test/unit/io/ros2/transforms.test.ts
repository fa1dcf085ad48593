import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameTable, TransformTree, Way } from '../../../../src/io/ros2/transforms.js';
import { rolled, turned } from './input-rig.js';

const FRAMES_MAX = 1024;

const frames = () => {
  const table = new FrameTable();
  return { table, tree: new TransformTree(table) };
};

function place(tree: TransformTree, parent: string, child: string, x: number, y: number, yaw = 0, fixed = true): void {
  const { x: qx, y: qy, z: qz, w: qw } = turned(yaw);
  const { frames: names } = tree;
  tree.set(names.internName(parent), names.internName(child), { x, y, z: 0, qx, qy, qz, qw }, fixed, 1);
}

describe('names of frames', () => {
  it('are one number each, with a slash before them or without', () => {
    const { table } = frames();
    const base = table.internName('base_link');
    expect(table.internName('/base_link')).toBe(base);
    expect(table.internName('base_link2')).not.toBe(base);
    expect(table.name(base)).toBe('base_link');
  });

  it('are told apart whatever they are', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 60 }), (names) => {
        const { table } = frames();
        const bare = [...new Set(names.map((name) => name.replace(/^\//, '')).filter((name) => name.isWellFormed()))];
        const numbers = bare.map((name) => table.internName(`/${name}`));
        expect(new Set(numbers).size).toBe(bare.length);
        expect(numbers.map((number) => table.name(number))).toEqual(bare);
        expect(bare.map((name) => table.internName(`/${name}`))).toEqual(numbers);
      }),
    );
  });

  it('that find no room have none, and those that did keep theirs', () => {
    const { table } = frames();
    for (let i = 0; i < FRAMES_MAX; i++) expect(table.internName(`frame${i}`)).toBe(i);
    expect(table.internName('one too many')).toBe(-1);
    expect(table.internName('x'.repeat(300))).toBe(-1);
    expect(table.overflows).toBe(2);
    expect(table.internName('frame77')).toBe(77);
    expect(table.name(-1)).toContain('without room');
  });
});

describe('ways between frames', () => {
  it('lead up, down, and over a common frame', () => {
    const { table, tree } = frames();
    place(tree, 'base', 'mast', 1, 0, Math.PI / 2);
    place(tree, 'mast', 'laser', 2, 0);
    place(tree, 'base', 'bumper', -1, 0);
    const way = new Way();
    const find = (from: string, to: string) => tree.find(table.internName(from), table.internName(to), true, way);
    expect(find('laser', 'base')).toBe(true);
    expect([way.x, way.y, way.yaw]).toEqual([expect.closeTo(1), expect.closeTo(2), expect.closeTo(Math.PI / 2)]);
    expect(find('base', 'laser')).toBe(true);
    expect([way.x, way.y, way.yaw]).toEqual([expect.closeTo(-2), expect.closeTo(1), expect.closeTo(-Math.PI / 2)]);
    expect(find('bumper', 'laser')).toBe(true);
    expect([way.x, way.y]).toEqual([expect.closeTo(-2), expect.closeTo(2)]);
    expect(find('laser', 'elsewhere')).toBe(false);
    expect(find('laser', 'laser')).toBe(true);
    expect([way.x, way.y, way.yaw, way.heardNs]).toEqual([0, 0, 0, Number.POSITIVE_INFINITY]);
  });

  it('lead to where tf’s own arithmetic does, whatever the rotations', () => {
    const angle = fc.double({ min: -3, max: 3, noNaN: true });
    const step = fc.record({ x: angle, y: angle, roll: angle, yaw: angle });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), fc.tuple(angle, angle, angle), (steps, point) => {
        const { table, tree } = frames();
        // By 3×3 matrices, one frame after the other.
        let expected = [...point];
        for (const { x, y, roll, yaw } of [...steps].reverse()) {
          const [px, py, pz] = expected;
          const ry = py * Math.cos(roll) - pz * Math.sin(roll);
          const rz = py * Math.sin(roll) + pz * Math.cos(roll);
          expected = [x + px * Math.cos(yaw) - ry * Math.sin(yaw), y + px * Math.sin(yaw) + ry * Math.cos(yaw), rz];
        }
        steps.forEach(({ x, y, roll, yaw }, i) => {
          const a = turned(yaw);
          const b = rolled(roll);
          const pose = { x, y, z: 0, qx: a.w * b.x, qy: a.z * b.x, qz: a.z * b.w, qw: a.w * b.w };
          tree.set(table.internName(`f${i}`), table.internName(`f${i + 1}`), pose, true, 0);
        });
        const way = new Way();
        const [x, y, z] = point;
        expect(tree.find(table.internName(`f${steps.length}`), table.internName('f0'), true, way)).toBe(true);
        expect(way.pointX(x, y, z)).toBeCloseTo(expected[0], 9);
        expect(way.pointY(x, y, z)).toBeCloseTo(expected[1], 9);
        way.invert();
        way.invert();
        expect(way.pointX(x, y, z)).toBeCloseTo(expected[0], 9);
      }),
    );
  });

  it('over what moves are as old as the part that was heard longest ago', () => {
    const { table, tree } = frames();
    const set = (parent: string, child: string, nowNs: number) =>
      tree.set(
        table.internName(parent),
        table.internName(child),
        { x: 0, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: 1 },
        false,
        nowNs,
      );
    set('map', 'odom', 5);
    set('earth', 'map', 3);
    const way = new Way();
    expect(tree.find(table.internName('earth'), table.internName('odom'), false, way)).toBe(true);
    expect(way.heardNs).toBe(3);
    expect(tree.find(table.internName('earth'), table.internName('odom'), true, way)).toBe(false);
  });

  it('in a ring lead nowhere, and end', () => {
    const { table, tree } = frames();
    place(tree, 'a', 'b', 1, 0);
    place(tree, 'b', 'c', 1, 0);
    place(tree, 'c', 'a', 1, 0);
    expect(tree.find(table.internName('a'), table.internName('other'), true, new Way())).toBe(false);
    expect(tree.below(table.internName('a'), table.internName('other'))).toBe(false);
  });
});
