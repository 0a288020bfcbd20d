import { makeError, show } from '../../base/errors.js';
import { begin, giveUp } from '../../pool/unfinished.js';
import type { WarmProgress } from '../warm.js';
import type { HeldObjects } from './held-objects.js';

/** Objects that are taken between two calls of a callback. */
const STEP = 64;

/** Takes `count` objects into `taken`, and gives them back. */
export function warmObjects<T>(
  get: () => T,
  taken: HeldObjects<T>,
  count: number,
  onProgress: WarmProgress = () => {},
): void {
  if (!Number.isInteger(count) || count < 0) {
    throw makeError('ERR_SUPERSLAB_ARGUMENT', `count must be a whole number, got ${show(count)}`, RangeError);
  }
  if (typeof onProgress !== 'function') {
    throw makeError(
      'ERR_SUPERSLAB_ARGUMENT',
      `onProgress must be a function, got ${show(onProgress)}`,
      TypeError,
    );
  }
  begin(taken);
  const { objects } = taken;
  try {
    while (objects.length < count) {
      objects[objects.length] = get();
      if (objects.length % STEP === 0 && objects.length < count) onProgress(objects.length, count);
    }
  } catch (error) {
    giveUp(taken);
    throw error;
  }
  giveUp(taken);
  onProgress(count, count);
}
