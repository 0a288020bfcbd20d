import { facts } from '../../addon/environment.js';
import { optionError } from '../../addon/option-checks.js';
import { show } from '../../base/errors.js';
import { isPrintable } from '../../base/text.js';

/** What can be set for one pool; see docs/KNOBS.md. Options win over the environment. */
export interface BufferPoolOptions {
  /** For errors and reports, of printable characters; "pool-1" and so on by default. */
  name?: string;
  /** Most bytes of blocks in use at once, or a size such as "64m"; 0 is no limit. */
  maxBytes?: number | string;
  /** When bytes are cleared. */
  zero?: 'never' | 'acquire' | 'release';
  /** Pages to ask for. */
  hugePages?: 'off' | 'thp' | '2mb' | '1gb';
  /** How memory is prefaulted. */
  populate?: 'off' | 'demand' | 'superslab';
  /** Where memory lies: near the thread, in turn on all nodes, or on one node. */
  numa?: 'local' | 'interleave' | number;
  /** How long free memory stays idle before it goes back to the operating system. */
  purgeDelayMs?: number;
  /**
   * The pool holds secrets: core dumps leave its memory out, a forked child reads zeros there, and bytes are
   * cleared at each release. docs/SECRETS.md tells what that does not cover.
   */
  sensitive?: boolean;
  /** Memory is locked, so that it is never written to swap; `ulimit -l` bounds how much. */
  lockMemory?: boolean;
  /** Native code that overruns a buffer beyond 2 MiB is stopped by a fault at its end. */
  guardPages?: boolean;
  /** What acquire() does when maxBytes are in use. */
  onExhausted?: 'throw' | 'wait' | 'fallback';
  /** Which leases are watched for leaks; see docs/GUARDS.md. */
  leakDetection?: 'off' | 'sampled' | 'full';
  /** How use after release and overflow are looked for; each includes those before it. */
  guard?: 'off' | 'poison' | 'canary' | 'detach';
  /** Most bytes of released blocks that are held back before they are leased again, when there is a guard. */
  quarantineBytes?: number | string;
}

const flags = new Set(facts.knobs.filter((knob) => knob.isFlag).map((knob) => knob.option));

/** The options as the native side takes them: it knows their names, ranges and words (knobs.def). */
export function optionPairs(options: BufferPoolOptions): [string, string | number][] {
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

export function poolName(options: BufferPoolOptions, otherwise: () => string): string {
  const { name } = options;
  if (name === undefined) return otherwise();
  // It stands in reports, logs and other programs' terminals.
  if (typeof name !== 'string' || name === '' || !isPrintable(name)) {
    throw optionError(`name must be a non-empty string of printable characters, got ${show(name)}`);
  }
  return name;
}
