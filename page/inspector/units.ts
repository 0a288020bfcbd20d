/** Numbers as people read them: three digits, a thin space, a unit. */

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const DECIMAL = ['', 'k', 'M', 'G', 'T'];
export const NONE = '–';
const SPACE = '\u202f';

function scaled(value: number, base: number, units: readonly string[]): string {
  let unit = 0;
  let rest = Math.abs(value);
  while (rest >= base * 0.9995 && unit < units.length - 1) {
    rest /= base;
    unit++;
  }
  const digits = unit === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  const text =
    unit === 0 && rest !== Math.floor(rest) ? rest.toFixed(rest < 10 ? 1 : 0) : rest.toFixed(digits);
  const trimmed = text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  const name = units[unit]!;
  return `${value < 0 ? '−' : ''}${trimmed}${name === '' ? '' : SPACE + name}`;
}

export function bytes(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? NONE : scaled(value, 1024, BINARY);
}

export function count(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? NONE : scaled(value, 1000, DECIMAL);
}

/** Every digit: for what one counts. */
export const whole = (value: number): string =>
  value < 1e6 ? Math.round(value).toLocaleString('en') : count(value);

/** `share` is 0 to 1. Never says 100 % of what is not all. */
export function percent(share: number | undefined): string {
  if (share === undefined || !Number.isFinite(share)) return NONE;
  const value = share * 100;
  const digits = value >= 99 || value < 1 ? 2 : 1;
  const shown = value < 100 && value > 100 - 0.5 * 10 ** -digits ? 100 - 10 ** -digits : value;
  return `${shown.toFixed(digits).replace(/\.?0+$/, '')}${SPACE}%`;
}

export function nanoseconds(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value) || value < 0) return NONE;
  if (value < 999.5) return `${value.toFixed(0)}${SPACE}ns`;
  if (value < 999_500) return `${three(value / 1e3)}${SPACE}µs`;
  if (value < 999_500_000) return `${three(value / 1e6)}${SPACE}ms`;
  return `${three(value / 1e9)}${SPACE}s`;
}

export function duration(ms: number): string {
  if (ms < 999.5) return `${ms.toFixed(0)}${SPACE}ms`;
  if (ms < 59_950) return `${three(ms / 1000)}${SPACE}s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes}${SPACE}min ${Math.floor((ms % 60_000) / 1000)}${SPACE}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}${SPACE}h ${minutes % 60}${SPACE}min`;
  return `${Math.floor(hours / 24)}${SPACE}d ${hours % 24}${SPACE}h`;
}

/** Time of day of a time since 1970, as it is where the reader is. */
export const clock = (at: number): string => new Date(at).toLocaleTimeString('en-GB');

export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${whole(n)} ${n === 1 ? one : many}`;

function three(value: number): string {
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  const text = value.toFixed(digits);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
