import { makeError, show } from '../base/errors.js';
import { begin, giveUp, HeldBuffers, type Lent } from '../pool/unfinished.js';

/** Touches each page of every machine: none has smaller ones. */
export const PAGE_BYTES = 4096;
/** Buffers that are touched between two calls of a callback. */
const STEP = 64;

/** Is told now and then, and at the end, how many of the buffers have been touched. */
export type WarmProgress = (done: number, count: number) => void;

const nobody: WarmProgress = () => {};

/** Writes to each page of `buf`. */
export function touchPages(buf: Uint8Array): void {
  const { length } = buf;
  for (let at = 0; at < length; at += PAGE_BYTES) buf[at] = 0;
}

/** Takes `count` things, touches the memory of each, and gives them back: what warm() of a pool does. */
export function warm<Thing extends Lent>(
  take: () => Thing,
  touch: (thing: Thing) => void,
  count: number,
  onProgress: WarmProgress = nobody,
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
  const bufs: Thing[] = [];
  const held = begin(new HeldBuffers(bufs));
  try {
    while (bufs.length < count) {
      const buf = take();
      bufs[bufs.length] = buf;
      touch(buf);
      if (bufs.length % STEP === 0 && bufs.length < count) onProgress(bufs.length, count);
    }
  } catch (error) {
    giveUp(held);
    throw error;
  }
  giveUp(held);
  onProgress(count, count);
}
