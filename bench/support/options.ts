import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Print JSON instead of a table. */
  readonly json: boolean;
  /** A few seconds, for its exit code; the figures are rough. */
  readonly quick: boolean;
}

/** `parts`: what the command line may name, to measure that alone. */
export function benchOptions(
  parts: readonly string[] = [],
): BenchOptions & { readonly parts: readonly string[] } {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
    allowPositionals: parts.length > 0,
  });
  const unknown = positionals.find((name) => !parts.includes(name));
  if (unknown !== undefined) throw new Error(`no "${unknown}" to measure; there are ${parts.join(', ')}`);
  return { json: values.json, quick: values.quick, parts: positionals.length > 0 ? positionals : parts };
}
