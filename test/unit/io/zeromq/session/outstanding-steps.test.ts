import { describe, expect, it } from 'vitest';
import { OutstandingSteps, type StepOwner } from '../../../../../src/io/zeromq/session/outstanding-steps.js';

/** A session whose steps the test answers. */
class Owner implements StepOwner {
  /** Steps to be made, the one that runs included. */
  steps = 1;
  out = false;
  looks = 0;
  listens = 0;
  fault: Error | null = null;
  readonly #onStep: (owner: Owner) => void;

  constructor(onStep: (owner: Owner) => void) {
    this.#onStep = onStep;
  }

  look(): boolean {
    this.looks++;
    if (this.fault !== null) throw this.fault;
    if (!this.out) return true;
    this.out = false;
    this.steps--;
    if (this.steps > 0) this.#onStep(this);
    return this.steps > 0;
  }

  listen(): void {
    this.listens++;
    if (this.fault !== null) throw this.fault;
  }
}

function rig() {
  const told: [unknown, Owner][] = [];
  let asked = 0;
  const steps = new OutstandingSteps<Owner>(
    () => asked++,
    (error, owner) => told.push([error, owner]),
  );
  const begin = () => {
    const owner = new Owner((one) => steps.add(one));
    steps.add(owner);
    return owner;
  };
  return { steps, begin, told, asked: () => asked };
}

describe('outstanding steps', () => {
  it('are looked for until they are answered, without anybody being told of one', () => {
    const { steps, begin, asked } = rig();
    const [a, b] = [begin(), begin()];
    expect(asked()).toBe(2);
    steps.look(0);
    a.out = true;
    steps.look(0);
    expect(steps.size).toBe(1);
    b.out = true;
    steps.endTurn(0);
    expect([steps.size, a.looks, b.looks, a.listens, b.listens]).toEqual([0, 2, 3, 0, 0]);
  });

  it('that have no command when the turn ends have their owners told, once, and ask for no other turn', () => {
    const { steps, begin, asked } = rig();
    const owner = begin();
    for (let i = 0; i < 100; i++) steps.look(0);
    expect(owner.listens).toBe(0);
    steps.endTurn(0);
    expect([owner.listens, steps.size, asked()]).toEqual([1, 0, 1]);
    steps.endTurn(0);
    steps.look(0);
    expect([owner.listens, owner.looks]).toEqual([1, 101]);
  });

  it('that follow while the turn ends are looked for in the next, and their owner is not told yet', () => {
    const { steps, begin, asked } = rig();
    const owner = begin();
    owner.steps = 3;
    owner.out = true;
    steps.endTurn(0);
    expect([owner.steps, owner.listens, steps.size, asked()]).toEqual([2, 0, 1, 2]);
    // The command comes out between the last look and the listening.
    owner.listen = () => {
      owner.out = true;
      owner.look();
    };
    steps.endTurn(0);
    expect([owner.steps, steps.size, asked()]).toEqual([1, 1, 3]);
  });

  it('of an owner that throws are told of, and those of the others go on', () => {
    const { steps, begin, told } = rig();
    const [bad, good] = [begin(), begin()];
    bad.fault = new Error('broken');
    good.out = true;
    steps.look(0);
    expect(told).toEqual([[bad.fault, bad]]);
    expect([steps.size, good.steps]).toEqual([0, 0]);
    steps.endTurn(0);
    expect(bad.looks).toBe(1);
  });

  it('of an owner that cannot be told hold nobody up either', () => {
    const { steps, begin, told } = rig();
    const [bad, good] = [begin(), begin()];
    bad.look = () => true;
    bad.fault = new Error('broken');
    steps.endTurn(0);
    expect(told.map(([error]) => error)).toEqual([bad.fault]);
    expect([bad.listens, good.listens]).toEqual([1, 1]);
  });

  it('that were given up are looked for no more', () => {
    const { steps, begin } = rig();
    const owner = begin();
    steps.remove(owner);
    steps.endTurn(0);
    expect([owner.looks, owner.listens]).toEqual([0, 0]);
  });
});
