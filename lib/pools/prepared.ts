import { begin, finish, giveUp, HeldBuffers, type Lent } from '../pool/unfinished.js';

/**
 * A function that takes a buffer by `take` and does something with it before its caller has it. If that throws or is cut off,
 * the buffer goes back. One closure for each `take`, so that each is compiled for what it calls.
 */
export function bindPrepared<Buf extends Lent>(
  take: (size: number) => Buf,
  prepare: (buf: Buf) => void,
): (size: number) => Buf {
  return (size) => {
    const held = begin(new HeldBuffers<Buf>());
    try {
      held.buf = take(size);
      prepare(held.buf);
    } catch (error) {
      giveUp(held);
      throw error;
    }
    const { buf } = held;
    finish(held);
    return buf;
  };
}
