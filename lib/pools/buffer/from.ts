import { builtins, copyInto, lengthOf, memoryOf, offsetOf, writeText } from '../../base/builtins.js';
import { makeError, show } from '../../base/errors.js';
import { lostError } from '../../base/lost-bytes.js';
import type { PooledBuffer } from '../../pool/pooled-buffer.js';
import { begin, finish, giveUp, HeldBuffers } from '../../pool/unfinished.js';

type Acquire = (size: number) => PooledBuffer;

/** A buffer, got by `acquire`, with a copy of `data`: what from() of a pool does. */
export function copyOf(
  acquire: Acquire,
  data: string | Uint8Array | ArrayBuffer,
  encoding: BufferEncoding,
): PooledBuffer {
  if (typeof data === 'string') return textCopy(acquire, data, encoding);
  // By their kind, not by instanceof: they may come from another realm.
  const bytes = builtins.isAnyArrayBuffer(data) ? viewOf(data) : data;
  if (!builtins.isUint8Array(bytes)) {
    throw makeError(
      'ERR_SUPERSLAB_ARGUMENT',
      `from() takes a string, a Uint8Array or an ArrayBuffer, got ${show(data)}`,
      TypeError,
    );
  }
  const held = begin(new HeldBuffers());
  try {
    const length = lengthOf(bytes);
    held.buf = acquire(length);
    // A subscriber that acquire() called may have taken the memory of `data`, or changed its length.
    if (lengthOf(bytes) !== length) throw lostError('from()', data);
    copyInto(held.buf, bytes);
  } catch (error) {
    // It may have been gone before.
    const isGone = held.buf !== undefined && error instanceof TypeError;
    giveUp(held);
    throw isGone ? lostError('from()', data) : error;
  }
  const { buf } = held;
  finish(held);
  return buf;
}

/** @throws ERR_SUPERSLAB_ARGUMENT when it was detached */
export function viewOf(memory: ArrayBuffer): Uint8Array {
  try {
    return new builtins.Uint8Array(memory);
  } catch (error) {
    throw error instanceof TypeError ? lostError('from()', memory) : error;
  }
}

function textCopy(acquire: Acquire, text: string, encoding: BufferEncoding): PooledBuffer {
  if (!builtins.isEncoding(encoding)) {
    throw makeError('ERR_SUPERSLAB_ARGUMENT', `unknown encoding ${show(encoding)}`, TypeError);
  }
  const bufs: PooledBuffer[] = [];
  const held = begin(new HeldBuffers(bufs));
  try {
    bufs[0] = acquire(builtins.byteLength(text, encoding));
    const length = lengthOf(bufs[0]);
    const written = writeText(bufs[0], text, 0, length, encoding);
    // Buffer.byteLength() only estimates malformed hex and base64.
    if (written !== length) {
      bufs[1] = bufs[0];
      bufs[0] = acquire(written);
      copyInto(bufs[0], new builtins.Uint8Array(memoryOf(bufs[1]), offsetOf(bufs[1]), written));
      bufs[1].release();
    }
  } catch (error) {
    giveUp(held);
    throw error;
  }
  const buf = bufs[0];
  finish(held);
  return buf!;
}
