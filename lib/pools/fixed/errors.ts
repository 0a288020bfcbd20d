// What is thrown for the put of what is no buffer that is out of its pool.
import { noteThrown } from '../../addon/misuse-sites.js';
import { makeError } from '../../base/errors.js';
import { showCaller } from '../../base/stack.js';

const about = (pool: string, size: number) => ({ pool, tag: '', size, acquired: '', released: '' });

/** The buffer waits in its pool for the next get(), or the pool has given its memory back. */
export function putTwiceError(pool: string, size: number): Error {
  noteThrown('released-twice', about(pool, size), putTwiceError);
  const error = makeError(
    'ERR_SUPERSLAB_RELEASED',
    `cannot put a buffer (${size} B, pool "${pool}") that was already put; ` +
      'each get is paired with one put; SUPERSLAB_LEAK_DETECTION=full tells where it was got',
  );
  return showCaller(error, putTwiceError);
}

/** The buffer is another kind's. */
export function otherKindError(pool: string, size: number): Error {
  noteThrown('foreign', about(pool, size), otherKindError);
  const error = makeError(
    'ERR_SUPERSLAB_FOREIGN',
    `cannot put a buffer (${size} B) of pool "${pool}", which is no FixedPool; release() it`,
    TypeError,
  );
  return showCaller(error, otherKindError);
}
