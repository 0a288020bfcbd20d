import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Print JSON instead of a table. */
  readonly json: boolean;
  /** A few seconds, for its exit code; the figures are rough. */
  readonly quick: boolean;
}

export function benchOptions(): BenchOptions {
  const { values } = parseArgs({
    options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
  });
  return { json: values.json, quick: values.quick };
}
