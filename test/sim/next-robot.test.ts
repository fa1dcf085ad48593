/** One robot after another on one controller: what the first felt is nothing to the next. */
import { describe, expect, it } from 'vitest';
import type { SessionController } from '../../src/io/zeromq/session/session-controller.js';
import { Reason } from '../../src/memory/reason.js';
import { loadParameters } from '../../src/parameters/loader.js';
import { loopedController } from '../support/looped-controller.js';
import { SessionRig, settle } from '../support/session-rig.js';

const parameters = loadParameters([], {});
const CONTACT_REASONS: readonly number[] = [Reason.contact, Reason.contactEscape, Reason.staleContacts];

describe('the robot that comes after one that touched something', () => {
  it.each([
    ['real', 'without contact sensors', undefined],
    ['real', 'with contact sensors', [0, 0, 0, 0] as const],
    ['simulated', 'without contact sensors', undefined],
    ['simulated', 'with contact sensors', [0, 0, 0, 0] as const],
  ] as const)(
    'on a clock that is %s, %s, is commanded for no contact, at once or later',
    async (clock, _, contacts) => {
      const rig: SessionRig<SessionController> = new SessionRig<SessionController>({
        parameters,
        make: (nowNs) => loopedController(parameters, nowNs).controller,
      });
      const ada = rig.robot('ada', { clock, contacts: true });
      await ada.hello();
      for (let i = 0; i < 3; i++) ada.sense({ goal: [5, 0, 0.3], contacts: [50, 0, 0, 0] });
      expect(ada.commands().map(({ why }) => CONTACT_REASONS.includes(why))).toContain(true);
      ada.send({ m: 'bye', s: ada.session });
      await settle();

      const bob = rig.robot('bob', { clock, contacts: contacts !== undefined });
      await bob.hello();
      for (let i = 0; i < 200; i++) {
        rig.nowNs += 19e6;
        bob.sense({ goal: [5, 0, 0.3], contacts });
      }
      const commands = bob.commands();
      expect(commands.length).toBe(200);
      expect(commands.filter(({ why }) => CONTACT_REASONS.includes(why))).toEqual([]);
      expect(rig.faults).toEqual([]);
    },
  );
});
