import type { KnobOptions } from '../../addon/generated/options.js';
import {
  aCount,
  aFlag,
  aFunction,
  checkOptions,
  type OptionCheck,
  optionError,
} from '../../addon/option-checks.js';
import { show } from '../../base/errors.js';

const MAX_COUNT = 2 ** 24;
/** The longest time of a timer. */
const MAX_MS = 2 ** 31 - 1;

/** What can be set for an {@link ObjectPool}. */
export interface ObjectPoolOptions<T> extends Pick<KnobOptions, 'leakDetection'> {
  /** Makes an object, or a promise of one. For get() without a promise. */
  create: () => T | PromiseLike<T>;
  /** Called once for each object that leaves the pool. A promise is waited for by drain(). */
  destroy?: (object: T) => unknown;
  /** Called when an object is put: it is idle after that, or after the promise that this returns. If it fails, the object goes. */
  reset?: (object: T) => unknown;
  /** Whether an object may still be used; for get() without a promise. If it throws, the answer is no. */
  validate?: (object: T) => boolean | PromiseLike<boolean>;
  /**
   * Whether idle objects are validated before they are lent.
   * @default true
   */
  validateOnGet?: boolean;
  /**
   * Whether objects are validated when they are put, after their reset.
   * @default false
   */
  validateOnPut?: boolean;
  /**
   * How often idle objects are validated; 0 is never. Unit: ms.
   * @default 0
   */
  validateEveryMs?: number;
  /**
   * Objects that are made ahead and kept, whether lent or idle. At most `max`.
   * @default 0
   */
  min?: number;
  /**
   * Objects that are kept idle, so that the next get() finds one, as far as `max` allows.
   * @default 0
   */
  minIdle?: number;
  /**
   * Most objects that the pool has, whether lent, idle or being made; 0 is no limit. At most 16,777,216.
   * @default 0
   */
  max?: number;
  /**
   * An object goes after so many leases; 0 is no limit.
   * @default 0
   */
  maxUses?: number;
  /**
   * An object goes when it is so old; 0 is no limit. Unit: ms.
   * @default 0
   */
  maxAgeMs?: number;
  /**
   * Part of `maxAgeMs`, from 0 to 1, by which objects go earlier at random, so that not all go at once.
   * @default 0.1
   */
  maxAgeJitter?: number;
  /**
   * An object beyond `min` goes when it was idle for so long; 0 is no limit. Unit: ms.
   * @default 0
   */
  idleMs?: number;
  /**
   * A lease that lasts longer is told of, with the stack of who took it; 0 is never. Takes a stack of each lease. Unit: ms.
   * @default 0
   */
  leaseTimeoutMs?: number;
  /**
   * How long acquire() waits unless it says otherwise; 0 is for ever. Unit: ms.
   * @default 0
   */
  acquireTimeoutMs?: number;
  /**
   * Most calls of acquire() that wait at once; 0 is no limit.
   * @default 0
   */
  maxWaiting?: number;
  /**
   * How many priorities acquire() knows: 0, the highest, and so on.
   * @default 1
   */
  priorities?: number;
  /**
   * Which idle object is lent: the one that was put last, or first.
   * @default 'lifo'
   */
  order?: 'lifo' | 'fifo';
  /**
   * How long create, destroy, reset and validate may take; 0 is for ever. What an overdue create makes is destroyed. Unit: ms.
   * @default 30000
   */
  factoryTimeoutMs?: number;
  /**
   * How often a failed create is called again before those who wait are rejected with its error.
   * @default 3
   */
  retries?: number;
  /**
   * Time from the first failure of create to the next call; it doubles with each. Unit: ms.
   * @default 100
   */
  retryMs?: number;
  /**
   * Longest such time. Unit: ms.
   * @default 10000
   */
  retryMaxMs?: number;
  /**
   * For errors and reports, of printable characters.
   * @default 'pool-1', 'pool-2' and so on
   */
  name?: string;
}

/** Options of acquire(). */
export interface AcquireOptions {
  /** Ends the wait. */
  signal?: AbortSignal;
  /**
   * Longest wait; 0 is for ever. Unit: ms.
   * @default the pool's `acquireTimeoutMs`
   */
  timeoutMs?: number;
  /**
   * From 0, the highest, to less than the pool's `priorities`.
   * @default 0
   */
  priority?: number;
}

const aPart: OptionCheck = (value) =>
  typeof value === 'number' && value >= 0 && value <= 1 ? undefined : 'a number from 0 to 1';
const anOrder: OptionCheck = (value) =>
  value === 'lifo' || value === 'fifo' ? undefined : '"lifo" or "fifo"';
/** Checked elsewhere: the native side checks the values of knobs. */
const anything: OptionCheck = () => undefined;
const objects = aCount(0, MAX_COUNT);
/** A time, for options that take one. */
export const aTime = aCount(0, MAX_MS);

const checks: Readonly<Record<keyof ObjectPoolOptions<never>, OptionCheck>> = {
  create: aFunction,
  destroy: aFunction,
  reset: aFunction,
  validate: aFunction,
  validateOnGet: aFlag,
  validateOnPut: aFlag,
  validateEveryMs: aTime,
  min: objects,
  minIdle: objects,
  max: objects,
  maxUses: aCount(0, Number.MAX_SAFE_INTEGER),
  maxAgeMs: aTime,
  maxAgeJitter: aPart,
  idleMs: aTime,
  leaseTimeoutMs: aTime,
  acquireTimeoutMs: aTime,
  maxWaiting: objects,
  priorities: aCount(1, 256),
  order: anOrder,
  factoryTimeoutMs: aTime,
  retries: aCount(0, Number.MAX_SAFE_INTEGER),
  retryMs: aTime,
  retryMaxMs: aTime,
  name: anything,
  leakDetection: anything,
};

/** What a pool of objects goes by: options that were checked, without those left out. */
export interface ObjectSettings<T> {
  readonly create: () => T | PromiseLike<T>;
  readonly destroy: ((object: T) => unknown) | undefined;
  readonly reset: ((object: T) => unknown) | undefined;
  /** Any value that is not false or empty is a yes. */
  readonly validate: ((object: T) => unknown) | undefined;
  readonly validateOnGet: boolean;
  readonly validateOnPut: boolean;
  readonly validateEveryMs: number;
  readonly min: number;
  readonly minIdle: number;
  /** Infinity without a limit. */
  readonly max: number;
  readonly maxUses: number;
  readonly maxAgeMs: number;
  readonly maxAgeJitter: number;
  readonly idleMs: number;
  readonly leaseTimeoutMs: number;
  readonly acquireTimeoutMs: number;
  readonly maxWaiting: number;
  readonly priorities: number;
  readonly isFirstIn: boolean;
  /** Whether the time of each put is wanted, not only about when it was. */
  readonly notesIdle: boolean;
  /** Whether new objects are idle for a moment, and validated like idle ones, even if somebody waits. */
  readonly idlesNew: boolean;
  readonly createTimeoutMs: number;
  readonly destroyTimeoutMs: number;
  /** Of reset and validate. */
  readonly checkTimeoutMs: number;
  readonly retries: number;
  /** The time until create is called again after so many failures in a row. */
  readonly retryDelay: (failures: number) => number;
}

const orInfinity = (n: number | undefined): number => (n ? n : Number.POSITIVE_INFINITY);

/** Doubles `first` with each failure, up to `most`. */
export const backOff =
  (first: number, most: number) =>
  (failures: number): number =>
    Math.min(first * 2 ** (failures - 1), most);

/** @throws ERR_SUPERSLAB_OPTION */
export function objectSettings<T>(options: ObjectPoolOptions<T>): ObjectSettings<T> {
  checkOptions('ObjectPool()', options, checks);
  const { create, destroy, reset, validate, min = 0, minIdle = 0, factoryTimeoutMs = 30_000 } = options;
  if (create === undefined) {
    throw optionError('ObjectPool() needs the option create, the function that makes an object');
  }
  const max = orInfinity(options.max);
  if (min > max) throw optionError(`min of ObjectPool() must be at most max, ${max}, got ${show(min)}`);
  if (minIdle > max)
    throw optionError(`minIdle of ObjectPool() must be at most max, ${max}, got ${show(minIdle)}`);
  for (const name of ['validateOnGet', 'validateOnPut', 'validateEveryMs'] as const) {
    if (options[name] && validate === undefined)
      throw optionError(`${name} of ObjectPool() needs the option validate`);
  }
  const time = orInfinity(factoryTimeoutMs);
  return {
    create,
    destroy,
    reset,
    validate,
    validateOnGet: validate !== undefined && (options.validateOnGet ?? true),
    validateOnPut: options.validateOnPut ?? false,
    validateEveryMs: orInfinity(options.validateEveryMs),
    min,
    minIdle,
    max,
    maxUses: orInfinity(options.maxUses),
    maxAgeMs: orInfinity(options.maxAgeMs),
    maxAgeJitter: options.maxAgeJitter ?? 0.1,
    idleMs: orInfinity(options.idleMs),
    leaseTimeoutMs: orInfinity(options.leaseTimeoutMs),
    acquireTimeoutMs: orInfinity(options.acquireTimeoutMs),
    maxWaiting: orInfinity(options.maxWaiting),
    priorities: options.priorities ?? 1,
    isFirstIn: options.order === 'fifo',
    notesIdle: false,
    idlesNew: false,
    createTimeoutMs: time,
    destroyTimeoutMs: time,
    checkTimeoutMs: time,
    retries: options.retries ?? 3,
    retryDelay: backOff(options.retryMs ?? 100, options.retryMaxMs ?? 10_000),
  };
}
