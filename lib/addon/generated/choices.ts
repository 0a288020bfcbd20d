// Generated from native/policy/knobs.def by scripts/generate.mjs. Do not edit.

/** Codes of the option 'onExhausted'. */
export const ON_EXHAUSTED = {
  throw: 0,
  wait: 1,
  fallback: 2,
} as const;

/** Codes of the option 'zero'. */
export const ZERO = {
  never: 0,
  acquire: 1,
  release: 2,
} as const;

/** Codes of the option 'hugePages'. */
export const HUGE_PAGES = {
  off: 0,
  thp: 1,
  '2mb': 2,
  '1gb': 3,
} as const;

/** Codes of the option 'populate'. */
export const POPULATE = {
  off: 0,
  demand: 1,
  superslab: 2,
} as const;

/** Codes of the option 'leakDetection'. */
export const LEAK_DETECTION = {
  off: 0,
  sampled: 1,
  full: 2,
} as const;

/** Codes of the option 'guard'. */
export const GUARD = {
  off: 0,
  poison: 1,
  canary: 2,
  detach: 3,
} as const;

/** Codes of the option 'learn'. */
export const LEARN = {
  off: 0,
  learn: 1,
  trial: 2,
  frozen: 3,
} as const;
