// Options that pools of several kinds have.
import { facts } from '../addon/environment.js';
import type { KnobOptions, LiveOptions } from '../addon/generated/options.js';
import { type OptionCheck, optionError } from '../addon/option-checks.js';
import { makeError, show } from '../base/errors.js';
import { isPrintable } from '../base/text.js';

const flags = new Set(facts.knobs.filter((knob) => knob.isFlag).map((knob) => knob.option));

/** The options as the native side takes them: it knows their names, ranges and words (knobs.def). */
export function optionPairs(options: KnobOptions): [string, string | number][] {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw optionError(`options must be an object, got ${show(options)}`);
  }
  const pairs: [string, string | number][] = [];
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    if (name === 'name' || value === undefined) continue;
    if (typeof value === 'boolean' && flags.has(name)) {
      pairs.push([name, Number(value)]);
    } else if (typeof value !== 'string' && typeof value !== 'number') {
      // Unknown names are more helpfully told apart by the native side, which then never sees the value.
      pairs.push([name, show(value)]);
    } else {
      pairs.push([name, value]);
    }
  }
  return pairs;
}

/** The same of options that are changed while the pool is open. */
export function livePairs(options: LiveOptions): [string, string | number][] {
  const pairs = optionPairs(options);
  if ('name' in options) throw optionError('name is fixed when a pool is opened');
  return pairs;
}

/** Pools that were named after their number in this thread. */
let named = 0;

/** That of the options; without one, `pool-1` and so on. */
export function poolName({ name }: { readonly name?: string }): string {
  if (name === undefined) return `pool-${++named}`;
  // It stands in reports, logs and other programs' terminals.
  if (typeof name !== 'string' || name === '' || !isPrintable(name)) {
    throw optionError(`name must be a non-empty string of printable characters, got ${show(name)}`);
  }
  return name;
}

/** Knobs by which a kind of pool goes, but those that it decides on itself. The native side checks their values. */
export function knobChecks(decided: readonly string[]): Readonly<Record<string, OptionCheck>> {
  const options = facts.knobs.map(({ option }) => option);
  const given = options.filter((option) => option !== '' && !decided.includes(option));
  return Object.fromEntries(given.map((option) => [option, () => undefined]));
}

/** What trim() is told. */
export function checkTarget(targetBytes: unknown): void {
  if (typeof targetBytes === 'number' && targetBytes >= 0) return;
  throw makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    `targetBytes must be a number of bytes, got ${show(targetBytes)}`,
    typeof targetBytes === 'number' ? RangeError : TypeError,
  );
}
