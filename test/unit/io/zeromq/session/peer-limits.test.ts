import { describe, expect, it } from 'vitest';
import {
  Admission,
  MUTE_S,
  PeerLimits,
  peerKey,
  REPLIES_PER_S,
} from '../../../../../src/io/zeromq/session/peer-limits.js';

const S = 1e9;
const id = (name: string) => Buffer.from(name);

/** What becomes of so many messages at one moment. */
function burst(
  limits: PeerLimits,
  name: string,
  count: number,
  nowNs: number,
  hasSession = true,
): Record<string, number> {
  const tally: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const code = limits.admit(limits.meet(id(name), nowNs), nowNs, hasSession);
    const word = Object.keys(Admission)[Object.values(Admission).indexOf(code)];
    tally[word] = (tally[word] ?? 0) + 1;
  }
  return tally;
}

describe('the rate of a peer', () => {
  it('may be used up at once, and fills again in a second', () => {
    const limits = new PeerLimits({ maxPeers: 4, ratePerS: 100 });
    expect(burst(limits, 'a', 100, 0)).toEqual({ admitted: 100 });
    expect(burst(limits, 'a', 50, 0.5 * S)).toEqual({ admitted: 50 });
    expect(burst(limits, 'a', 100, 1.5 * S)).toEqual({ admitted: 100 });
  });

  it('may be kept up for ever', () => {
    const limits = new PeerLimits({ maxPeers: 4, ratePerS: 1000 });
    let admitted = 0;
    for (let ms = 0; ms < 30_000; ms++) admitted += burst(limits, 'a', 1, ms * 1e6)['admitted'] ?? 0;
    expect(admitted).toBe(30_000);
  });

  it('cuts the peer off once where it is passed, and then mutes it', () => {
    const limits = new PeerLimits({ maxPeers: 4, ratePerS: 100 });
    expect(burst(limits, 'a', 150, 0)).toEqual({ admitted: 100, cutOff: 1, muted: 49 });
    expect(burst(limits, 'a', 10, (MUTE_S - 0.001) * S)).toEqual({ muted: 10 });
    expect(burst(limits, 'a', 101, MUTE_S * S)).toEqual({ admitted: 100, cutOff: 1 });
  });

  it('is each peer’s own', () => {
    const limits = new PeerLimits({ maxPeers: 4, ratePerS: 100 });
    burst(limits, 'a', 200, 0);
    expect(burst(limits, 'b', 100, 0)).toEqual({ admitted: 100 });
  });

  it('lets a hello and what goes with it pass, however low it is', () => {
    const limits = new PeerLimits({ maxPeers: 4, ratePerS: 1 });
    expect(burst(limits, 'a', 21, 0)).toEqual({ admitted: 20, cutOff: 1 });
  });

  it('does not fill while the clock stands, and takes no harm where it goes back', () => {
    const limits = new PeerLimits({ maxPeers: 4, ratePerS: 100 });
    burst(limits, 'a', 100, 5 * S);
    expect(burst(limits, 'a', 1, 4 * S)).toEqual({ cutOff: 1 });
  });
});

describe('peers without a session', () => {
  it('have one rate between them, however many they are, and a robot with a session has its own beside it', () => {
    const limits = new PeerLimits({ maxPeers: 200, ratePerS: 100 });
    let admitted = 0;
    for (let i = 0; i < 100; i++) admitted += burst(limits, `stranger ${i}`, 50, 0, false)['admitted'] ?? 0;
    expect(admitted).toBe(100);
    expect(limits.crowdedOut).toBe(4900);
    expect(burst(limits, 'robot', 100, 0)).toEqual({ admitted: 100 });
    expect(burst(limits, 'newcomer', 1, 0, false)).toEqual({ muted: 1 });
    // Crowded out is not cut off: as soon as there is room, it is heard.
    expect(burst(limits, 'newcomer', 1, 0.1 * S, false)).toEqual({ admitted: 1 });
  });

  it('leave the rate to others once they are cut off', () => {
    const limits = new PeerLimits({ maxPeers: 200, ratePerS: 100 });
    for (let i = 0; i < 100; i++) {
      expect(burst(limits, `flooder ${i}`, 200, 0, false)).toMatchObject({ cutOff: 1 });
    }
    for (let i = 0; i < 100; i++) burst(limits, `flooder ${i}`, 200, 1 * S, false);
    expect(burst(limits, 'newcomer', 100, 1 * S, false)).toEqual({ admitted: 100 });
  });
});

describe('replies to what should not have been sent', () => {
  it('are so many a second and no more', () => {
    const limits = new PeerLimits({ maxPeers: 4, ratePerS: 1000 });
    const peer = limits.meet(id('a'), 0);
    const sent = (nowNs: number) =>
      Array.from({ length: 50 }, () => limits.mayReply(peer, nowNs)).filter(Boolean).length;
    expect([sent(0), sent(0), sent(0.5 * S), sent(10 * S)]).toEqual([
      REPLIES_PER_S,
      0,
      REPLIES_PER_S / 2,
      REPLIES_PER_S,
    ]);
  });
});

describe('the table of peers', () => {
  it('is never larger than it may be, and forgets the longest idle', () => {
    const limits = new PeerLimits({ maxPeers: 3, ratePerS: 100 });
    const names = ['a', 'b', 'c'];
    for (let i = 0; i < names.length; i++) burst(limits, names[i], 90, i * S);
    // Seen again, `a` is the newest.
    burst(limits, 'a', 1, 2.5 * S);
    limits.meet(id('d'), 3 * S);
    expect([limits.size, limits.forgotten]).toEqual([3, 1]);
    // Those that are remembered have used up their burst, and one that was forgotten has it again.
    expect(burst(limits, 'c', 120, 2.5 * S)['cutOff']).toBe(1);
    expect(burst(limits, 'b', 100, 3 * S)).toEqual({ admitted: 100 });
  });

  it('rather forgets one that is idle than one that is cut off', () => {
    const limits = new PeerLimits({ maxPeers: 2, ratePerS: 100 });
    burst(limits, 'bad', 101, 0);
    burst(limits, 'good', 1, 1 * S);
    limits.meet(id('new'), 2 * S);
    expect(burst(limits, 'bad', 1, 2 * S)).toEqual({ muted: 1 });
  });

  it('forgets one that is cut off where all are', () => {
    const limits = new PeerLimits({ maxPeers: 20, ratePerS: 100 });
    for (let i = 0; i < 20; i++) burst(limits, `bad ${i}`, 101, 0);
    limits.meet(id('new'), 0);
    expect(limits.size).toBe(20);
  });

  it('tells routing ids apart byte by byte, and keeps copies of them', () => {
    const limits = new PeerLimits({ maxPeers: 300, ratePerS: 100 });
    const bytes = Buffer.alloc(2);
    for (let i = 0; i < 256; i++) {
      bytes[1] = i;
      limits.meet(bytes, 0);
    }
    expect(limits.size).toBe(256);
    bytes[1] = 7;
    const peer = limits.meet(bytes, 0);
    bytes[1] = 8;
    expect([...peer.id]).toEqual([0, 7]);
    expect(peerKey(new Uint8Array(Buffer.from([9, 0, 200]).buffer, 0, 0))).toBe('');
    expect(peerKey(Uint8Array.of(0, 200))).toBe('\0È');
  });
});
