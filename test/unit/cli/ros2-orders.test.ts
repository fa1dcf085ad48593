import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OperatorOrder } from '../../../src/cli/controller-host.js';
import { MotionOrders, type OrderedHost } from '../../../src/cli/ros2-orders.js';

/** Arms and halts as `ControllerHost` does. */
class Host implements OrderedHost {
  moves = false;
  halted = false;
  #armed = false;
  arm(): void {
    this.#armed = true;
    if (!this.halted) this.moves = true;
  }
  disarm(): void {
    this.#armed = false;
    this.moves = false;
  }
  halt(halted: boolean): void {
    this.halted = halted;
    this.moves = this.#armed && !halted;
  }
  obey(order: OperatorOrder): void {
    if ('halted' in order) this.halt(order.halted);
  }
}

function set(): { host: Host; orders: MotionOrders } {
  const host = new Host();
  return { host, orders: new MotionOrders(host) };
}

describe('a ROS robot', () => {
  it('moves while the node is active, and nobody said otherwise', () => {
    const { host, orders } = set();
    expect(host.moves).toBe(false);
    expect(orders.standing).toBe('the node is not active');
    orders.activate();
    expect(host.moves).toBe(true);
    expect(orders.standing).toBe('');
    orders.deactivate();
    expect(host.moves).toBe(false);
  });

  it('stands while it is disabled, whatever the page says, and goes on when it is enabled', () => {
    const { host, orders } = set();
    orders.activate();
    expect(orders.enable(false)).toContain('disabled');
    expect(host.moves).toBe(false);
    orders.obey({ halted: false });
    expect(host.moves).toBe(false);
    expect(orders.standing).toContain('~/enable');
    expect(orders.enable(true)).toBe('enabled');
    expect(host.moves).toBe(true);
  });

  it('stays disabled through a deactivation, and is told so before it is active', () => {
    const { host, orders } = set();
    orders.enable(false);
    orders.activate();
    expect(host.moves).toBe(false);
    orders.deactivate();
    orders.activate();
    expect(host.moves).toBe(false);
    orders.enable(true);
    expect(host.moves).toBe(true);
  });

  it('that was told to stand goes on when it is enabled anew, or the page says so, or it is activated anew', () => {
    const ways: ((orders: MotionOrders) => void)[] = [
      (orders) => orders.obey({ halted: false }),
      (orders) => {
        orders.deactivate();
        orders.activate();
      },
      (orders) => {
        orders.enable(false);
        orders.enable(true);
      },
    ];
    for (const way of ways) {
      const { host, orders } = set();
      orders.activate();
      orders.stop();
      expect(host.moves).toBe(false);
      expect(orders.standing).toBe('it was told to stand');
      way(orders);
      expect(host.moves).toBe(true);
    }
  });

  it('that was told to stand stands however often it is said that it is enabled', () => {
    for (const before of [true, false]) {
      const { host, orders } = set();
      orders.activate();
      if (before) orders.enable(true);
      orders.stop();
      for (let i = 0; i < 10; i++) expect(orders.enable(true)).toBe('');
      expect(host.moves).toBe(false);
      orders.enable(false);
      expect(orders.enable(true)).toContain('no longer');
      expect(host.moves).toBe(true);
    }
  });

  it('that was told to stand before it was activated stands then', () => {
    const { host, orders } = set();
    orders.stop();
    orders.activate();
    expect(host.moves).toBe(false);
  });

  it('never moves unless it is active, enabled and not told to stand, whoever says what in which order', () => {
    const word = fc.constantFrom('activate', 'deactivate', 'enable', 'disable', 'stop', 'page stops', 'page goes');
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (words) => {
        const { host, orders } = set();
        let active = false;
        let enabled = true;
        let halted = false;
        for (const said of words) {
          if (said === 'activate') orders.activate();
          else if (said === 'deactivate') orders.deactivate();
          else if (said === 'enable') orders.enable(true);
          else if (said === 'disable') orders.enable(false);
          else if (said === 'stop') orders.stop();
          else orders.obey({ halted: said === 'page stops' });
          if (said === 'stop' || said === 'page stops') halted = true;
          else if (said === 'page goes' || said === 'deactivate' || (said === 'enable' && !enabled)) halted = false;
          if (said === 'activate' || said === 'deactivate') active = said === 'activate';
          if (said === 'enable' || said === 'disable') enabled = said === 'enable';
          expect(host.moves).toBe(active && enabled && !halted);
        }
      }),
    );
  });
});
