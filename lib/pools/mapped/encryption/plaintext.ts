// The bytes of sealed blocks while the program sees them: in memory that is locked, kept from dumps, and overwritten afterwards.
import { builtins, fill, memoryOf, offsetOf } from '../../../base/builtins.js';
import type { PooledBuffer } from '../../../pool/pooled-buffer.js';
import { begin, finish, HeldBuffers, type Lent } from '../../../pool/unfinished.js';
import { BufferPool } from '../../buffer/buffer-pool.js';

let secrets: BufferPool | undefined;

/** Locked memory of this thread, for all of its files. Whoever releases it overwrites it. */
export function lockedBytes(bytes: number): PooledBuffer {
  secrets ??= new BufferPool({
    name: 'opened blocks',
    sensitive: true,
    lockMemory: true,
    onExhausted: 'throw',
    leakDetection: 'off',
    guard: 'off',
  });
  return secrets.acquire(bytes);
}

/** Calls `work` with locked memory, which is overwritten afterwards. */
export function withLockedBytes<Result>(bytes: number, work: (bytes: PooledBuffer) => Result): Result {
  const held = begin(new HeldBuffers());
  const scratch = lockedBytes(bytes);
  held.buf = scratch;
  try {
    return work(scratch);
  } finally {
    held.undo();
    finish(held);
  }
}

/** The plain bytes of one block, until the last of those who have them has released them. */
export class Plaintext implements Lent {
  readonly length: number;
  readonly #lease: PooledBuffer;
  readonly #live: Set<Plaintext>;
  /** Those who have it. Whoever takes it adds himself by a store. */
  references = 1;

  /** `live`: where it is listed until it is released. */
  constructor(lease: PooledBuffer, length: number, live: Set<Plaintext>) {
    this.length = length;
    this.#lease = lease;
    this.#live = live;
    live.add(this);
  }

  get memory(): ArrayBuffer {
    return memoryOf(this.#lease);
  }

  get offset(): number {
    return offsetOf(this.#lease);
  }

  get bytes(): Buffer {
    return builtins.bufferOf(this.memory, this.offset, this.length);
  }

  get released(): boolean {
    return this.references <= 0;
  }

  release(): void {
    if (this.references === 1) {
      this.#live.delete(this);
      if (!this.#lease.released) this.#lease.release();
    }
    this.references--;
  }

  [Symbol.dispose](): void {
    if (!this.released) this.release();
  }

  /** Whoever has it sees zeros. */
  wipe(): void {
    if (!this.#lease.released) fill(this.bytes, 0);
  }
}

const collected = new FinalizationRegistry<ShownPlaintext>((shown) => shown.end());

/** What one view shows of it. */
export class ShownPlaintext {
  readonly #plaintext: Plaintext;
  #isEnded = false;

  /** Takes over a reference. */
  constructor(plaintext: Plaintext) {
    this.#plaintext = plaintext;
  }

  /** A view that the collector takes has ended, too. */
  watch(view: object): void {
    collected.register(view, this);
  }

  end(): void {
    if (this.#isEnded) return;
    this.#plaintext.release();
    this.#isEnded = true;
  }
}
