import { parseArgs } from 'node:util';
import type { BenchOptions } from './options.js';

export interface MallocOptions extends BenchOptions {
  /** Timed runs of each case under each allocator. */
  readonly rounds: number;
  /** Programs or cases by name; undefined: all. */
  readonly only: readonly string[] | undefined;
  /** Peers by name; undefined: all that are installed. */
  readonly peers: readonly string[] | undefined;
  /** The shared object under test; undefined: the one that the build makes. */
  readonly library: string | undefined;
  /** How long a program rests, everything freed, before its memory is read. */
  readonly idleMs: number;
}

/** Throws an Error with a message for the user. */
export function mallocOptions(): MallocOptions {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      peers: { type: 'string' },
      library: { type: 'string' },
      'idle-ms': { type: 'string' },
    },
  });
  const list = (text: string | undefined) => text?.split(',').filter(Boolean);
  return {
    json: values.json,
    quick: values.quick,
    rounds: whole('--rounds', values.rounds, values.quick ? 1 : 5, 1),
    only: list(values.only),
    peers: list(values.peers),
    library: values.library,
    idleMs: whole('--idle-ms', values['idle-ms'], values.quick ? 100 : 2000, 0),
  };
}

function whole(name: string, text: string | undefined, fallback: number, min: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= min) return value;
  throw new Error(`${name}=${text}: not a whole number from ${min}`);
}
