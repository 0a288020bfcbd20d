import { makeError } from '../../base/errors.js';

/** For a value that goes to old, where there is no room. */
export const oldIsFullError = (pool: string, bytes: number, limit: number) =>
  makeError(
    'ERR_SUPERSLAB_EXHAUSTED',
    `pool "${pool}" cannot add ${bytes} B to its old generation within ${limit} B, and young has no room; call collect(), free values or raise old`,
  );

/** What the pool says when its maxBytes are in use. */
export const exhaustedText = (size: number, maxBytes: number, never: boolean): string =>
  `cannot take ${size} B for values within its maxBytes of ${maxBytes}; ` +
  (never ? 'raise maxBytes' : 'free values, call collect(), raise maxBytes or use putAsync()');
