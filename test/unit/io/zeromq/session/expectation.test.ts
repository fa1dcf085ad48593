import { describe, expect, it } from 'vitest';
import type { Hello } from '../../../../../src/io/zeromq/protocol/protocol.js';
import { expectationOf, misfit } from '../../../../../src/io/zeromq/session/expectation.js';
import type { RobotExpectation } from '../../../../../src/io/zeromq/session/session-controller.js';
import { defaultParameters } from '../../../../../src/parameters/schema.js';
import { helloOf } from '../../../../support/session-rig.js';

const parameters = defaultParameters();
const expectation = expectationOf(parameters);
const limits = { inputTimeoutS: 0.25, maxMessageBytes: 131_072 };
const scan = { n: 8, a0: -3, da: 0.75, rmin: 0.1, rmax: 30 };

function held(changes: Partial<Hello>, against: Partial<RobotExpectation> = {}) {
  return misfit(helloOf('ada', 0, changes), { ...expectation, ...against }, limits);
}

describe('what is expected of a robot', () => {
  it('is what the parameters say', () => {
    expect(expectation).toEqual({
      drive: 'differential',
      size: [parameters['robot.length'], parameters['robot.width']],
      max: [2, 4, parameters['robot.max_acceleration'], 25],
      maxBeams: 2048,
      periodS: 0.02,
      contactsRequired: false,
    });
  });

  it('is met by a robot like it, and by one that is smaller, stronger or sees less', () => {
    expect(held({})).toBeNull();
    expect(held({ size: [0.2, 0.2], max: [9, 9, 99, 99], scan: { ...scan, n: 1 }, contacts: true })).toBeNull();
  });

  it('is met within what a float loses on its way', () => {
    const [length, width] = expectation.size;
    expect(held({ size: [Math.fround(length), Math.fround(width)] })).toBeNull();
    expect(held({ max: expectation.max.map(Math.fround) as unknown as Hello['max'] })).toBeNull();
  });
});

describe('a robot that is another is refused, with the setting that would fit it:', () => {
  it('its drive', () => {
    expect(held({ drive: 'omnidirectional' })).toEqual({
      code: 'drive',
      reason:
        'the drive is omnidirectional, and robot.drive is differential: start the controller with --set robot.drive=omnidirectional',
    });
  });

  it('its footprint, along the axis where it is larger', () => {
    const refusal = held({ size: [0.4, 0.6] });
    expect(refusal?.code).toBe('footprint');
    expect(refusal?.reason).toMatch(/--set robot\.width=0\.6$/);
    expect(refusal?.reason).not.toContain('--set robot.length');
    expect(held({ size: [0.8, 0.6] })?.reason).toMatch(/--set robot\.length=0\.8 --set robot\.width=0\.6$/);
    expect(held({ size: [0, 0.4] })?.code).toBe('footprint');
  });

  it('its limits, those that it cannot keep to', () => {
    const [, , acceleration] = expectation.max;
    expect(held({ max: [0.5, 4, acceleration, 3] })).toEqual({
      code: 'limits',
      reason:
        'the base can do 0.5 m/s where robot.max_speed is 2, 3 rad/s² where robot.max_yaw_acceleration is 25: ' +
        'start the controller with --set robot.max_speed=0.5 --set robot.max_yaw_acceleration=3',
    });
    expect(held({ max: [Number.NaN, 4, acceleration, 25] })?.code).toBe('limits');
  });

  it('its scanner', () => {
    expect(held({ scan: { ...scan, n: 4000, da: 0.001 } })?.reason).toMatch(/--set max_beams=4000$/);
    const many = held({ scan: { ...scan, n: 40_000, da: 0.0001 } }, { maxBeams: 50_000 });
    expect(many?.reason).toMatch(/--set zeromq\.max_message_bytes=160512$/);
    for (const wrong of [
      { da: 0 },
      { da: 1 },
      { rmin: 30 },
      { rmax: Number.POSITIVE_INFINITY },
      { n: 0 },
      { n: 2.5 },
    ]) {
      expect(held({ scan: { ...scan, ...wrong } })?.code, JSON.stringify(wrong)).toBe('scan');
    }
  });

  it('its contacts, where the controller must not drive without', () => {
    const refusal = held({ contacts: false }, { contactsRequired: true });
    expect(refusal).toMatchObject({ code: 'hello' });
    expect(refusal?.reason).toMatch(/--set contacts_required=false$/);
    expect(held({ contacts: true }, { contactsRequired: true })).toBeNull();
  });

  it('its rate in lockstep, which is the controller’s to one percent', () => {
    expect(held({ mode: 'lockstep', rate: 50.4 })).toBeNull();
    const refusal = held({ mode: 'lockstep', rate: 20 });
    expect(refusal?.code).toBe('rate');
    expect(refusal?.reason).toMatch(
      /controller_frequency 50: start the controller with --set controller_frequency=20$/,
    );
  });

  it('its rate when free, at which readings would be stale before the next come', () => {
    expect(held({ mode: 'free', rate: 4 })).toBeNull();
    const refusal = held({ mode: 'free', rate: 2 });
    expect(refusal?.code).toBe('rate');
    expect(refusal?.reason).toMatch(/at least 4 Hz, or .* --set odometry_timeout_s=1 --set ranges_timeout_s=1$/);
  });
});

it('a robot for which no setting is allowed is told so', () => {
  expect(held({ size: [30, 0.4] })?.reason).toContain('so this robot cannot be driven');
  expect(held({ max: [0, 4, 20, 25] })?.reason).toContain('robot.max_speed can be 0.01 … 20 m/s');
});
