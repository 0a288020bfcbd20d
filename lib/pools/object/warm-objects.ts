import { makeError, show } from '../../base/errors.js';
import { begin, giveUp, Unfinished } from '../../pool/unfinished.js';
import type { WarmProgress } from '../warm.js';

/** Objects that are taken between two calls of a callback. */
const STEP = 64;

/** Objects that were taken for nobody. */
class TakenObjects<T> extends Unfinished {
  readonly objects: T[] = [];
  readonly #put: (object: T) => void;

  constructor(put: (object: T) => void) {
    super();
    this.#put = put;
  }

  undo(): void {
    while (this.objects.length > 0) {
      const object = this.objects[this.objects.length - 1]!;
      this.objects.length--;
      this.#put(object);
    }
  }
}

/** Takes `count` objects and gives them back. */
export function warmObjects<T>(
  get: () => T,
  put: (object: T) => void,
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
  const taken = begin(new TakenObjects(put));
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
