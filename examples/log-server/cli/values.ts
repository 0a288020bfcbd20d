import { UsageError } from './usage-error.js';

/** Reads an option's value; `name` is for the error. */
export type ReadValue<T> = (text: string, name: string) => T;

export function integer(min: number, max: number): ReadValue<number> {
  return (text, name) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
      throw new UsageError(`${name} wants a whole number from ${min} to ${max}, not "${text}"`);
    }
    return value;
  };
}

const UNITS: Record<string, number> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Bytes, like `64k`, `32m`, `1g`. */
export function size(min: number, max: number): ReadValue<number> {
  return (text, name) => {
    const [, digits, unit] = /^(\d+)([kmg]?)$/i.exec(text) ?? [];
    const value = Number(digits) * UNITS[(unit ?? '').toLowerCase()]!;
    if (digits === undefined || value < min || value > max) {
      throw new UsageError(
        `${name} wants a size like 64k or 32m, from ${min} to ${max} bytes, not "${text}"`,
      );
    }
    return value;
  };
}

/** Bytes as `size` reads them. */
export function formatSize(bytes: number): string {
  const unit = ['g', 'm', 'k'].find((letter) => bytes % UNITS[letter]! === 0) ?? '';
  return `${bytes / UNITS[unit]!}${unit}`;
}

export function oneOf<T extends string>(choices: readonly T[]): ReadValue<T> {
  return (text, name) => {
    if (!(choices as readonly string[]).includes(text)) {
      throw new UsageError(`${name} wants ${choices.join(' or ')}, not "${text}"`);
    }
    return text as T;
  };
}

export function text(value: string): string {
  return value;
}
