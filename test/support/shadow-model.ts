// What a program knows of the pools that it uses, beside the pools: which buffers it has, and what stands in them. It is
// right after each instruction, so that operations may be cut off anywhere. Also for fuzzers.
import { setTimeout as sleep } from 'node:timers/promises';
import { BufferPool, type BufferPoolOptions, type PooledBuffer, type ShareToken } from 'superslab';

/** Pools without guards, whatever the environment says, of which upkeep comes soon. */
export const PLAIN: BufferPoolOptions = {
  guard: 'off',
  leakDetection: 'off',
  purgeDelayMs: 40,
  onExhausted: 'throw',
};

const MARK_BYTES = 4;

export class ShadowModel {
  readonly Pool: typeof BufferPool;
  readonly pools: BufferPool[];
  /** Pools that are to be closed. */
  readonly opened: BufferPool[] = [];
  /** Every buffer that came from a pool, released or not. */
  bufs: PooledBuffer[] = [];
  /** Buffers that came together, until the next check(): to add each to `bufs` takes a loop, which may be cut off. */
  batches: PooledBuffer[][] = [];
  /** These show what others show: they are only released. */
  adopted: PooledBuffer[] = [];
  tokens: ShareToken[] = [];
  promises: Promise<PooledBuffer>[] = [];
  #marks = new Map<PooledBuffer, number>();
  #next = 0;

  /** `Pool`: of another evaluation of the package. */
  constructor(options: BufferPoolOptions[], Pool = BufferPool) {
    this.Pool = Pool;
    this.pools = options.map((one) => new Pool({ ...PLAIN, ...one }));
  }

  get live(): PooledBuffer[] {
    return this.bufs.filter((buf) => !buf.released);
  }

  /** Throws when two live buffers show the same byte, or one has not what was written into it. */
  check(): void {
    for (const batch of this.batches.splice(0)) this.bufs.push(...batch);
    const places = new Map<ArrayBufferLike, PooledBuffer[]>();
    for (const buf of this.live) {
      if (buf.length === 0) continue;
      const list = places.get(buf.buffer) ?? [];
      places.set(buf.buffer, list);
      list.push(buf);
    }
    for (const list of places.values()) {
      list.sort((a, b) => a.byteOffset - b.byteOffset);
      list.forEach((buf, i) => {
        const after = list[i + 1];
        if (after === undefined || buf.byteOffset + buf.length <= after.byteOffset) return;
        throw new Error(
          `live buffers overlap: ${[buf, after].map((one) => `${one.byteOffset}+${one.length}`)}`,
        );
      });
    }
    for (const [buf, mark] of this.#marks) {
      if (buf.released) this.#marks.delete(buf);
      else if (buf.readUInt32LE(0) !== mark || buf.readUInt32LE(buf.length - MARK_BYTES) !== mark)
        throw new Error(`a live buffer of ${buf.length} B was overwritten`);
    }
    for (const buf of this.live) {
      if (buf.length < 2 * MARK_BYTES || this.#marks.has(buf)) continue;
      this.#next++;
      this.#marks.set(buf, this.#next);
      buf.writeUInt32LE(this.#next, 0);
      buf.writeUInt32LE(this.#next, buf.length - MARK_BYTES);
    }
  }

  /** Forgets what was released. */
  tidy(): void {
    this.bufs = this.live;
  }

  /** Releases everything that the program has, and waits until each pool has everything back. Throws if it never has. */
  async settle(): Promise<void> {
    this.check();
    this.closeOpened();
    for (let turns = 0; turns < 400; turns++) {
      for (const token of this.tokens.splice(0)) {
        try {
          this.pools[0]!.revoke(token);
        } catch (error) {
          if ((error as { code?: string }).code !== 'ERR_SUPERSLAB_TOKEN_USED') throw error;
        }
      }
      for (const buf of [...this.bufs.splice(0), ...this.adopted.splice(0)])
        while (!buf.released) buf.release();
      for (const promise of this.promises.splice(0)) {
        promise.then(
          (buf) => this.bufs.push(buf),
          () => {},
        );
      }
      await sleep(10);
      if (this.bufs.length === 0 && this.pools.every((pool) => pool.stats().inUseBytes === 0)) return;
    }
    const left = this.pools.map((pool) => `${pool.name}: ${pool.stats().inUseBytes} B`);
    throw new Error(`not everything came back: ${left.join(', ')}`);
  }

  closeOpened(): void {
    for (const pool of this.opened.splice(0)) pool.close();
  }

  close(): void {
    this.closeOpened();
    for (const pool of this.pools) pool.close();
  }
}
