import { binding } from '../../addon/binding.js';
import { backOff, type ObjectSettings } from '../object/options.js';

/** What makes, destroys and tests the resources of a pool: that of generic-pool. */
export interface Factory<T> {
  /** Makes a resource, or a promise of one. */
  create(): T | PromiseLike<T>;
  /** Called once for each resource that leaves the pool. */
  destroy(resource: T): unknown;
  /** Whether a resource may still be used: anything but false is a yes. */
  validate?(resource: T): boolean | PromiseLike<boolean>;
}

/** The options of generic-pool. */
export interface Options {
  /**
   * Most resources.
   * @default 1
   */
  max?: number;
  /**
   * Resources that are made ahead and kept; at most `max` of them count.
   * @default 0
   */
  min?: number;
  /**
   * Most calls of acquire() that wait.
   * @default no limit
   */
  maxWaitingClients?: number;
  /**
   * Whether resources are validated before they are lent. Needs `validate` of the factory.
   * @default false
   */
  testOnBorrow?: boolean;
  /**
   * Whether resources are validated when they are released. Needs `validate` of the factory.
   * @default false
   */
  testOnReturn?: boolean;
  /**
   * Longest wait of acquire(). Unit: ms.
   * @default no limit
   */
  acquireTimeoutMillis?: number;
  /**
   * Longest time that a call of destroy() is waited for. Unit: ms.
   * @default no limit
   */
  destroyTimeoutMillis?: number;
  /**
   * Whether the resource that was released first is lent next, and not the last.
   * @default true
   */
  fifo?: boolean;
  /**
   * How many priorities acquire() knows.
   * @default 1
   */
  priorityRange?: number;
  /**
   * Whether the pool is started by its constructor, and not by start() or the first acquire().
   * @default true
   */
  autostart?: boolean;
  /**
   * How often idle resources are looked at; 0 is never. Unit: ms.
   * @default 0
   */
  evictionRunIntervalMillis?: number;
  /**
   * How many are looked at each time.
   * @default 3
   */
  numTestsPerEvictionRun?: number;
  /**
   * Idle time after which a resource may go while more than `min` are available; -1 is never. Unit: ms.
   * @default -1
   */
  softIdleTimeoutMillis?: number;
  /**
   * Idle time after which a resource may go. Unit: ms.
   * @default 30000
   */
  idleTimeoutMillis?: number;
  /**
   * The class of the promises that the pool returns.
   * @default that of JavaScript
   */
  Promise?: PromiseConstructorLike;
  /**
   * For errors and reports of superslab; generic-pool has no such option.
   * @default 'pool-1', 'pool-2' and so on
   */
  name?: string;
}

/** Options with their defaults in place. */
export interface Config {
  readonly max: number;
  readonly min: number;
  readonly maxWaitingClients: number;
  readonly testOnBorrow: boolean;
  readonly testOnReturn: boolean;
  readonly acquireTimeoutMillis: number | undefined;
  readonly destroyTimeoutMillis: number | undefined;
  readonly fifo: boolean;
  readonly priorityRange: number;
  readonly autostart: boolean;
  readonly evictionRunIntervalMillis: number;
  readonly numTestsPerEvictionRun: number;
  readonly softIdleTimeoutMillis: number;
  readonly idleTimeoutMillis: number;
  readonly Promise: PromiseConstructorLike;
}

const flag = (value: unknown, other: boolean): boolean => (typeof value === 'boolean' ? value : other);

/** As generic-pool reads numbers: from texts, too. */
const whole = (value: unknown, other: number): number => {
  const n = Number.parseInt(String(value), 10);
  return Number.isNaN(n) ? other : n;
};

const NAMES: readonly string[] = [
  'max',
  'min',
  'maxWaitingClients',
  'testOnBorrow',
  'testOnReturn',
  'acquireTimeoutMillis',
  'destroyTimeoutMillis',
  'fifo',
  'priorityRange',
  'autostart',
  'evictionRunIntervalMillis',
  'numTestsPerEvictionRun',
  'softIdleTimeoutMillis',
  'idleTimeoutMillis',
  'Promise',
  'name',
] satisfies (keyof Options)[];

/** generic-pool ignores options that it does not know, so this says so and goes on. */
function warnOfUnknown(options: object): void {
  for (const name of Object.keys(options)) {
    if (NAMES.includes(name)) continue;
    const nearest = binding.nearestName(name, NAMES.join('|'));
    const advice = nearest === '' ? '' : `; did you mean "${nearest}"?`;
    process.emitWarning(`Unknown option ${JSON.stringify(name)} of createPool()${advice}`, {
      type: 'SuperslabWarning',
      code: 'SUPERSLAB_UNKNOWN_OPTION',
    });
  }
}

/** Impossible values become defaults, as generic-pool has it. */
export function configOf(options: Options): Config {
  warnOfUnknown(options);
  const max = Math.max(whole(options.max, 1), 1);
  const { acquireTimeoutMillis, destroyTimeoutMillis } = options;
  return {
    max,
    min: Math.min(whole(options.min, 0), max),
    maxWaitingClients: whole(options.maxWaitingClients, Number.POSITIVE_INFINITY),
    testOnBorrow: flag(options.testOnBorrow, false),
    testOnReturn: flag(options.testOnReturn, false),
    acquireTimeoutMillis: acquireTimeoutMillis ? whole(acquireTimeoutMillis, 0) : undefined,
    destroyTimeoutMillis: destroyTimeoutMillis ? whole(destroyTimeoutMillis, 0) : undefined,
    fifo: flag(options.fifo, true),
    priorityRange: Math.max(Math.trunc(Number(options.priorityRange)) || 1, 1),
    autostart: flag(options.autostart, true),
    evictionRunIntervalMillis: options.evictionRunIntervalMillis || 0,
    numTestsPerEvictionRun: options.numTestsPerEvictionRun || 3,
    softIdleTimeoutMillis: options.softIdleTimeoutMillis || -1,
    idleTimeoutMillis: options.idleTimeoutMillis || 30_000,
    Promise: options.Promise ?? globalThis.Promise,
  };
}

/** Which functions a factory must have. */
export function checkFactory(factory: Factory<never>, { testOnBorrow, testOnReturn }: Config): void {
  for (const name of ['create', 'destroy', 'validate'] as const) {
    const isOptional = name === 'validate' && !testOnBorrow && !testOnReturn;
    if (isOptional && factory[name] === undefined) continue;
    if (typeof factory[name] !== 'function') throw new TypeError(`factory.${name} must be a function`);
  }
}

/** After so many failures of create in a row it is called again later and later. */
const PROMPT_RETRIES = 10;
const laterAndLater = backOff(2, 1000);

/** What the pool underneath goes by. */
export function settingsOf<T>(factory: Factory<T>, config: Config): ObjectSettings<T> {
  const { destroyTimeoutMillis = 0 } = config;
  const never = Number.POSITIVE_INFINITY;
  return {
    create: () => factory.create(),
    destroy: (resource) => factory.destroy(resource),
    reset: undefined,
    validate: async (resource) => (await factory.validate!(resource)) !== false,
    validateOnGet: config.testOnBorrow,
    validateOnPut: config.testOnReturn,
    validateEveryMs: never,
    min: config.min,
    minIdle: 0,
    max: config.max,
    maxUses: never,
    maxAgeMs: never,
    maxAgeJitter: 0,
    idleMs: never,
    leaseTimeoutMs: never,
    acquireTimeoutMs: never,
    maxWaiting: config.maxWaitingClients,
    priorities: config.priorityRange,
    isFirstIn: config.fifo,
    notesIdle: true,
    idlesNew: true,
    createTimeoutMs: never,
    destroyTimeoutMs: destroyTimeoutMillis > 0 ? destroyTimeoutMillis : never,
    checkTimeoutMs: never,
    retries: never,
    retryDelay: (failures) => (failures <= PROMPT_RETRIES ? 0 : laterAndLater(failures - PROMPT_RETRIES)),
  };
}
