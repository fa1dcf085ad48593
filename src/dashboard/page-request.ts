/** What a page may ask, checked: whatever else comes is refused before anybody looks at it. */
import { z } from 'zod';
import type { Order, Request } from './wire.js';

/** Longer messages end the connection [bytes]. */
export const MAX_REQUEST_BYTES = 4096;

const name = z.string().min(1).max(256);
const seconds = z.number();
const id = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const orders = {
  show: { robot: name },
  explain: { cycle: z.number().int().min(0) },
  trail: { atS: seconds, seconds: z.number().min(0) },
  seek: { atS: seconds },
  pause: { paused: z.boolean() },
  step: {},
  speed: { speed: z.number().min(0.01).max(1000) },
  goal: { x: z.number().min(-1e6).max(1e6), y: z.number().min(-1e6).max(1e6) },
  arm: {},
  stop: {},
  freeze: { frozen: z.boolean() },
  save: {},
  checkpoints: {},
  restore: { file: name.nullable() },
} satisfies Record<Order['do'], z.ZodRawShape>;

const schemas = new Map(
  Object.entries(orders).map(([order, shape]) => [
    order,
    z.strictObject({ id, to: name.optional(), do: z.literal(order), ...shape }),
  ]),
);
const numbered = z.looseObject({ id, do: z.string() });

/** A request, or one that can be answered and not carried out, or nothing that could be answered. */
export type Parsed = { readonly request: Request } | { readonly id: number; readonly complaint: string } | null;

/** @param text of a message, whatever it is. @realtime unsafe */
export function parseRequest(text: string): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const asked = numbered.safeParse(value);
  if (!asked.success) return null;
  const schema = schemas.get(asked.data.do);
  if (schema === undefined) return { id: asked.data.id, complaint: 'there is no such order' };
  const checked = schema.safeParse(value);
  if (checked.success) return { request: checked.data as unknown as Request };
  const [{ path, message }] = checked.error.issues;
  return { id: asked.data.id, complaint: `${path.join('.')}: ${message}` };
}
