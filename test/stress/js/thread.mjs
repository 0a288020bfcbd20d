// One thread of the stress: random calls of the whole API, in any order and from within callbacks, each compared with
// the model.
import { channel } from 'node:diagnostics_channel';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import vm from 'node:vm';
import { BufferPool, memoryFacts, stats, watchHistograms } from 'superslab';
import { Disagreement, Model } from './model.mjs';
import { Random } from './random.mjs';

const CHANNELS = ['grow', 'trim', 'exhausted', 'leak', 'guard'];
const MOST_POOLS = 5;
/** Calls of callbacks within callbacks. */
const MOST_DEPTH = 3;

class Mine extends Error {}

/** What a call may throw that is no fault: superslab's own errors, ours, those of a taken ArrayBuffer. */
function isExpected(error) {
  return (
    error instanceof Mine ||
    String(error?.code).startsWith('ERR_SUPERSLAB_') ||
    error?.name === 'AbortError' ||
    error?.name === 'DataCloneError' ||
    /detached|transferred|detachable/i.test(String(error?.message))
  );
}

const isCutOff = (error) =>
  error instanceof RangeError
    ? error.message.startsWith('Maximum call stack')
    : error?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';

export class Stress {
  random;
  model;
  calls = 0;
  #options;
  #depth = 0;
  #pools = [BufferPool.default];
  #pending = new Set();
  #post;
  #failure;

  /** @param post posts a token to another thread; undefined where there is none */
  constructor({ seed, claims, addressOf, options, post }) {
    this.random = new Random(seed);
    this.model = new Model({ claims, random: this.random, addressOf });
    this.#options = options;
    this.#post = post;
    const hear = () => this.#callBack();
    for (const name of CHANNELS) channel(`superslab:pool:${name}`).subscribe(hear);
    process.on('warning', hear);
  }

  /** Works until `end`, a time of performance.now(), or until `isOver`. */
  async run(end, isOver = () => false) {
    while (performance.now() < end && !isOver()) {
      for (let i = 0; i < 200; i++) this.step();
      await nextTurn();
      if (this.#failure !== undefined) throw this.#failure;
    }
    await this.#finish();
  }

  /** A buffer that another thread has posted. */
  adopt(token, shared) {
    try {
      this.model.adopt(token, shared, this.random.of(this.#pools));
    } catch (error) {
      if (!isExpected(error)) throw error;
    }
  }

  step() {
    this.calls++;
    const work = this.random.of(this.model.hasRoom ? OPERATIONS : ENDING);
    try {
      work.call(this, this.random.of(this.#pools));
    } catch (error) {
      if (!isExpected(error)) throw new Error(`${work.name}: ${error?.stack}`, { cause: error });
    }
  }

  /** In the midst of whatever superslab does: it must be ready for anything. */
  #callBack() {
    if (this.#depth >= MOST_DEPTH || !this.#options.callbacks) return;
    this.#depth++;
    try {
      if (this.random.oneIn(4)) this.step();
    } catch (error) {
      this.#failure ??= error;
    } finally {
      this.#depth--;
    }
  }

  // Operations -----------------------------------------------------------------------------------

  _acquire(pool) {
    const size = this.random.size();
    this.model.add(pool.acquire(size), size, pool);
  }

  _alloc(pool) {
    const size = this.random.size();
    const buf = pool.alloc(size);
    if (buf.byteLength === size && size > 0 && !buf.subarray(0, 4096).every((byte) => byte === 0)) {
      throw new Disagreement(`alloc() of ${size} B is not clear`);
    }
    this.model.add(buf, size, pool);
  }

  _from(pool) {
    const size = this.random.size();
    if (this.random.oneIn(2)) {
      const buf = pool.from(Buffer.alloc(size, 7));
      this.model.add(buf, size, pool);
    } else {
      const text = 'ü'.repeat(size % 1000);
      this.model.add(pool.from(text), Buffer.byteLength(text), pool);
    }
  }

  _acquireMany(pool) {
    const size = this.random.size();
    for (const buf of pool.acquireMany(size, this.random.below(6))) this.model.add(buf, size, pool);
  }

  _acquireTagged(pool) {
    const size = this.random.size();
    this.model.add(pool.tagged('stress').acquire(size), size, pool);
  }

  _acquireAsync(pool) {
    const size = this.random.size();
    const abort = this.random.oneIn(2) ? new AbortController() : undefined;
    const waiting = pool
      .acquireAsync(size, abort === undefined ? {} : { signal: abort.signal })
      .then((buf) => {
        // It was served before this turn: its window may have been taken since.
        if (buf.byteLength === 0 && size > 0 && this.#options.detaching) {
          buf.release();
          return;
        }
        const entry = this.model.add(buf, size, pool);
        if (!this.model.hasRoom) this.#release(entry);
      })
      .catch((error) => {
        if (!isExpected(error)) this.#failure ??= error;
      })
      .finally(() => this.#pending.delete(waiting));
    this.#pending.add(waiting);
    if (abort !== undefined && this.random.oneIn(2)) abort.abort();
  }

  _release() {
    const entry = this.model.any();
    if (entry !== undefined) this.#release(entry);
  }

  #release(entry) {
    const { buf, pool } = entry;
    if (--entry.references > 0) {
      buf.release();
      return;
    }
    this.model.remove(entry);
    switch (this.random.below(4)) {
      case 0:
        pool.release(buf);
        break;
      case 1:
        BufferPool.default.release(buf);
        break;
      case 2:
        buf[Symbol.dispose]();
        break;
      default:
        buf.release();
    }
    if (!buf.released) throw new Disagreement('a released buffer says that it is live');
  }

  _releaseMany(pool) {
    const entries = Array.from({ length: 4 }, () => this.model.any()).filter(
      (entry, i, all) => entry?.references === 1 && all.indexOf(entry) === i,
    );
    for (const entry of entries) this.model.remove(entry);
    pool.releaseMany(entries.map(({ buf }) => buf));
  }

  _retain() {
    const entry = this.model.any();
    if (entry === undefined) return;
    entry.buf.retain();
    entry.references++;
  }

  _verify() {
    const entry = this.model.any();
    if (entry !== undefined) this.model.verify(entry);
  }

  _releaseTwice() {
    const entry = this.model.any();
    if (entry === undefined || entry.references > 1) return;
    this.#release(entry);
    this.#expectThrow('ERR_SUPERSLAB_RELEASED', () => entry.buf.release());
    this.#expectThrow('ERR_SUPERSLAB_RELEASED', () => entry.buf.retain());
  }

  _misuse(pool) {
    const entry = this.model.any();
    if (entry === undefined || entry.size === 0) return;
    this.#expectThrow('ERR_SUPERSLAB_FOREIGN', () => pool.release(entry.buf.subarray(1)));
    this.#expectThrow('ERR_SUPERSLAB_FOREIGN', () => pool.release(Buffer.alloc(8)));
    for (const size of [-1, 0.5, Number.NaN, 2 ** 60, '1', null]) {
      try {
        pool.acquire(size);
      } catch (error) {
        if (isExpected(error)) continue;
        throw error;
      }
      throw new Disagreement(`acquire(${String(size)}) gave a buffer`);
    }
  }

  #expectThrow(code, call) {
    try {
      call();
    } catch (error) {
      if (error?.code === code) return;
      throw error;
    }
    throw new Disagreement(`no ${code}`);
  }

  _share(pool) {
    const entry = this.model.any();
    if (entry === undefined || entry.size === 0 || entry.buf.byteLength === 0) return;
    const token = pool.share(entry.buf);
    if (this.#post !== undefined && this.random.oneIn(2)) {
      this.#post(token, this.model.toPost(entry));
      return;
    }
    if (this.random.oneIn(2)) {
      pool.revoke(token);
      this.#expectThrow('ERR_SUPERSLAB_TOKEN_USED', () => pool.adopt(token));
      return;
    }
    this.model.adopt(token, this.model.toPost(entry), pool);
  }

  _scope(pool) {
    const size = this.random.size();
    const kind = this.random.below(3);
    const work = pool.scope(({ acquire }) => {
      acquire(size);
      if (kind === 0) throw new Mine();
      return kind === 1 ? sleep(1) : undefined;
    });
    if (kind !== 1) return;
    const waiting = work.finally(() => this.#pending.delete(waiting));
    this.#pending.add(waiting);
  }

  _look(pool) {
    const figures = pool.stats();
    if (figures.maxBytes > 0 && figures.inUseBytes > figures.maxBytes) {
      throw new Disagreement(`${figures.inUseBytes} B in use of at most ${figures.maxBytes}`);
    }
    switch (this.random.below(6)) {
      case 0:
        return pool.report();
      case 1:
        return pool.leaks();
      case 2:
        return stats();
      case 3:
        return watchHistograms()[Symbol.dispose]();
      case 4: {
        const waiting = memoryFacts()
          .catch(() => {})
          .finally(() => this.#pending.delete(waiting));
        this.#pending.add(waiting);
        return undefined;
      }
      default:
        return pool.advice();
    }
  }

  _check(pool) {
    pool.check();
  }

  _trim(pool) {
    pool.trim(this.random.oneIn(2) ? 0 : this.random.below(16 << 20));
  }

  _open() {
    if (this.#pools.length >= MOST_POOLS) return;
    const pool = new BufferPool({
      name: `stress-${this.random.below(1000)}`,
      ...(this.random.oneIn(2) ? { maxBytes: (1 + this.random.below(16)) << 20 } : {}),
      ...(this.random.oneIn(3) ? { onExhausted: this.random.of(['throw', 'fallback']) } : {}),
      ...(this.random.oneIn(4) ? { zero: this.random.of(['acquire', 'release']) } : {}),
      ...(this.random.oneIn(4) ? { purgeDelayMs: this.random.below(50) } : {}),
      ...(this.random.oneIn(3) ? { guard: this.random.of(['off', 'poison', 'canary', 'detach']) } : {}),
      ...(this.random.oneIn(3) ? { leakDetection: this.random.of(['off', 'sampled', 'full']) } : {}),
    });
    const hear = () => this.#callBack();
    pool.on('guard', hear);
    pool.on('leak', hear);
    this.#pools.push(pool);
  }

  _close() {
    if (this.#pools.length === 1 || this.random.oneIn(2)) return;
    const [pool] = this.#pools.splice(1 + this.random.below(this.#pools.length - 1), 1);
    pool.close();
  }

  /** What a program does that posts a buffer as it would a plain one. */
  _takeMemory() {
    const entry = this.model.any();
    if (!this.#options.detaching || entry === undefined || entry.size === 0) return;
    this.model.lost++; // guards keep it in use for as long as anything shows it
    if (this.random.oneIn(2)) structuredClone(entry.buf);
    else ArrayBuffer.prototype.transfer?.call(entry.buf.buffer);
  }

  // Interruptions --------------------------------------------------------------------------------

  /** What is done where it may be cut off, with no word to the model before it has returned. */
  #rawWork() {
    const pool = this.random.of(this.#pools);
    const size = this.random.size();
    const got = [];
    const take = (buf) => {
      got[got.length] = [buf, size, pool];
    };
    switch (this.random.below(8)) {
      case 0:
        return { got, once: () => pool.trim() };
      case 1:
        return { got, once: () => pool.stats() };
      case 2:
        return { got, once: () => pool.check() };
      case 3:
        return { got, once: () => take(pool.alloc(size)) };
      case 4:
        return { got, once: () => take(pool.from(Buffer.alloc(size))) };
      case 5: {
        const entry = this.model.any();
        if (entry === undefined || entry.references > 1) return { got, once: () => take(pool.acquire(size)) };
        this.model.remove(entry);
        const once = () => {
          if (!entry.buf.released) entry.buf.release();
        };
        return { got, once, end: once };
      }
      default:
        return { got, once: () => take(pool.acquire(size)) };
    }
  }

  #cutOff(cut) {
    if (!this.#options.interruptions || this.#depth > 0) return;
    const { got, once, end } = this.#rawWork();
    this.#depth = MOST_DEPTH; // callbacks that are cut off would leave the model in no good order
    try {
      cut(once, got);
    } catch (error) {
      if (!isExpected(error) && !isCutOff(error)) throw error;
    }
    this.#depth = 0;
    end?.();
    for (const [buf, size, pool] of got) this.model.add(buf, size, pool);
  }

  _fullStack() {
    this.#cutOff((once, got) => {
      let left = 20;
      const dive = () => {
        try {
          dive();
        } catch {}
        if (left === 0 || got.length > 8) return;
        left--;
        try {
          once();
        } catch {}
      };
      const from = (depth) => (depth === 0 ? dive() : from(depth - 1));
      from(this.random.below(50));
    });
  }

  _timeout() {
    if (!this.#options.timeouts || !this.random.oneIn(20)) return;
    this.#cutOff((once, got) => {
      const context = vm.createContext({ once, isFull: () => got.length > 30 });
      this.model.lost += 8; // alloc() and its like may have as many in hand
      vm.runInContext('for (;;) { if (!isFull()) try { once() } catch {} }', context, { timeout: 1 });
    });
  }

  // The end --------------------------------------------------------------------------------------

  async #finish() {
    this.#options = { ...this.#options, callbacks: false };
    while (this.model.live.length > 0) {
      const entry = this.model.live.at(-1);
      for (; entry.references > 1; entry.references--) entry.buf.release();
      this.#release(entry);
    }
    await Promise.race([Promise.all(this.#pending), sleep(10_000, undefined, { ref: false })]);
    if (this.#failure !== undefined) throw this.#failure;
    for (const pool of this.#pools.slice(1)) {
      for (const entry of this.model.live.filter((one) => one.pool === pool)) this.#release(entry);
      const { inUseBytes } = pool.stats();
      if (inUseBytes > 0 && this.model.lost === 0) {
        throw new Disagreement(`${inUseBytes} B of pool "${pool.name}" are in use when nobody has any`);
      }
      pool.close();
    }
  }
}

const all = Object.getOwnPropertyNames(Stress.prototype)
  .filter((name) => name.startsWith('_'))
  .map((name) => Stress.prototype[name]);
const ENDING = all.filter((work) => /^_(release|verify|trim|look|check)/i.test(work.name));
/** Acquiring and releasing come more often than the rest. */
const OPERATIONS = [
  ...all,
  ...Array.from({ length: 12 }, () => Stress.prototype._acquire),
  ...Array.from({ length: 14 }, () => Stress.prototype._release),
];
