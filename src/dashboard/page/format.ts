/** Numbers as people read them. Pure. What is not known is a dash. */

export const DASH = '–';
const MINUS = '−';

/** With a real minus sign, and no `-0`. */
export function fixed(value: number | null | undefined, digits: number): string {
  if (value === null || value === undefined || Number.isNaN(value)) return DASH;
  if (!Number.isFinite(value)) return value > 0 ? '∞' : `${MINUS}∞`;
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/** Always with its sign, unless it rounds to zero. */
export function signed(value: number | null | undefined, digits: number): string {
  const text = fixed(value, digits);
  return value !== null && value !== undefined && value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** A time with the unit that suits it: `740 ns`, `12.3 µs`, `4.56 ms`, `2.1 s`, `3 min`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return DASH;
  const size = Math.abs(seconds);
  if (size === 0) return '0 s';
  if (size < 0.9995e-6) return `${fixed(seconds * 1e9, 0)} ns`;
  if (size < 0.9995e-3) return `${three(seconds * 1e6)} µs`;
  if (size < 0.9995) return `${three(seconds * 1e3)} ms`;
  if (size < 99.95) return `${fixed(seconds, 1)} s`;
  if (size < 5995) return `${fixed(seconds / 60, 0)} min`;
  return `${fixed(seconds / 3600, 1)} h`;
}

/** Three significant digits of what is below 1000. */
function three(value: number): string {
  const size = Math.abs(value);
  return fixed(value, size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
}

/** Whole numbers with thin spaces between thousands; from a million on, shortened. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return DASH;
  if (Math.abs(value) >= 1e6) return `${fixed(value / 1e6, 2)} M`;
  return fixed(value, 0).replace(/\B(?=(\d{3})+$)/g, '\u2009');
}

export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || Number.isNaN(share)) return DASH;
  const value = share * 100;
  return `${fixed(value, value > 0 && value < 9.95 ? 1 : 0)} %`;
}

/** Up to four significant digits, for what may be of any size. */
export function compact(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return fixed(value, 0);
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 1e5 || size < 1e-4) return value.toExponential(1).replaceAll('-', MINUS).replace('e+', 'e');
  return fixed(value, size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3);
}

/** `1:02:03.4` from the start of something [s]. */
export function stopwatch(seconds: number): string {
  if (!Number.isFinite(seconds)) return DASH;
  const tenths = Math.max(0, Math.floor(seconds * 10 + 1e-6));
  const h = Math.floor(tenths / 36000);
  const m = Math.floor(tenths / 600) % 60;
  const s = Math.floor(tenths / 10) % 60;
  const pad = (n: number) => String(n).padStart(2, '0');
  return `${h > 0 ? `${h}:${pad(m)}` : m}:${pad(s)}.${tenths % 10}`;
}

/** Time of day, local. */
export function clockTime(atS: number): string {
  return new Date(atS * 1000).toLocaleTimeString(undefined, { hour12: false });
}

/** `3 s ago`, in steps that do not flicker. */
export function ago(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'never';
  if (seconds < 1) return 'just now';
  if (seconds < 100) return `${Math.floor(seconds)} s ago`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3600)} h ago`;
}

/** [°] from radians, −180 … 180. */
export function degrees(radians: number): number {
  return (radians * 180) / Math.PI;
}
