import type { KnobRow } from '../../addon/rows.js';

/** What rules need to know besides a pool's figures. */
export interface AdviceFacts {
  /** How long the process has run. */
  readonly seconds: number;
  /** The process's value of a variable, such as "64m" for SUPERSLAB_BIG_CACHE_BYTES. */
  readonly values: ReadonlyMap<string, string>;
}

export function adviceFacts(knobs: readonly KnobRow[], uptimeMs: number): AdviceFacts {
  return {
    seconds: uptimeMs / 1000,
    values: new Map(knobs.map(({ variable, value }) => [variable, value])),
  };
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** The process's value of a variable that is a number, or a size in bytes with or without a letter. */
export function numberOf(facts: AdviceFacts, variable: string): number {
  const match = /^(\d+)([kmgt]?)$/.exec(facts.values.get(variable) ?? '');
  if (match === null) throw new Error(`no number for ${variable}`);
  return Number(match[1]) * UNITS[match[2]!]!;
}

/** "1m": a size as it is written in a variable, rounded up to what can be written shortly. */
export function sizeText(bytes: number): string {
  for (const [letter, unit] of Object.entries(UNITS).reverse()) {
    if (bytes >= unit) return `${Math.ceil(bytes / unit)}${letter}`;
  }
  return '0';
}
