// What a thread believes to have: every live buffer with its memory and the byte that fills it. Whatever superslab does must
// agree with it.
import assert from 'node:assert/strict';

const FILLED = Array.from({ length: 256 }, (_, byte) => Buffer.alloc(64 << 10, byte));

/** Whether all of `buf` is `byte`; of long buffers the beginning, the end and a part between. */
function isFilled(buf, byte, random) {
  const filled = FILLED[byte];
  if (buf.length <= filled.length) return buf.compare(filled, 0, buf.length) === 0;
  const middle = random.below(buf.length - 4096);
  return [
    [0, 4096],
    [middle, middle + 4096],
    [buf.length - 4096, buf.length],
  ].every(([from, to]) => buf.compare(filled, 0, to - from, from, to) === 0);
}

/** As blocks are. A plain buffer, which a fallback gave, may share a granule with its neighbour. */
const isAligned = (address) => address % 64n === 0n;

/** Reported with the seed, which repeats it. */
export class Disagreement extends Error {}

export class Model {
  live = [];
  /** Buffers that a cut-off call may have taken along: nobody can know. */
  lost = 0;
  #claims;
  #random;
  #addressOf;

  constructor({ claims, random, addressOf }) {
    this.#claims = claims;
    this.#random = random;
    this.#addressOf = addressOf;
  }

  get hasRoom() {
    return this.live.length < 600 && this.#claims.hasRoom;
  }

  /** A buffer that superslab has just lent. */
  add(buf, size, pool) {
    const byte = this.#random.below(256);
    const entry = this.#enter({ buf, size, pool, references: 1, byte });
    if (size > 0 && isAligned(this.#addressOf(buf))) {
      entry.claim = this.#claims.take(this.#addressOf(buf), size);
      if (entry.claim === undefined) {
        const threads = this.#claims.threadsWith(this.#addressOf(buf), size);
        throw new Disagreement(
          `a buffer of ${size} B of pool "${pool.name}" overlaps another that is live${this.#overlapping(buf, size)}; in threads ${threads.join()}`,
        );
      }
    }
    buf.fill(byte);
    this.live.push(entry);
    return entry;
  }

  /**
   * A buffer that another lease shares, see toPost(). The claim comes first: a thread that is terminated when it has adopted
   * must have said so.
   */
  adopt(token, { size, byte, holders, begin, count }, pool) {
    const claim = this.#claims.join(begin, count);
    let buf;
    try {
      buf = pool.adopt(token);
    } finally {
      if (buf === undefined) {
        this.#claims.give(claim, Atomics.sub(holders, 0, 1) === 1);
        pool.revoke(token);
      }
    }
    this.live.push(this.#enter({ buf, size, pool, references: 1, byte, holders, claim }));
  }

  #enter(entry) {
    const { buf, size } = entry;
    if (buf.byteLength !== size) throw new Disagreement(`asked for ${size} B, got ${buf.byteLength}`);
    return entry;
  }

  /** Those of this thread; of others nothing is known but that they are. */
  #overlapping(buf, size) {
    const begin = this.#addressOf(buf);
    const end = begin + BigInt(size);
    return this.live
      .filter((other) => other.size > 0 && other.buf.byteLength > 0)
      .map((other) => [this.#addressOf(other.buf), other])
      .filter(([address, other]) => address < end && begin < address + BigInt(other.size))
      .map(
        ([address, other]) =>
          `; ${other.size} B of pool "${other.pool.name}", ${address - begin} B from its start`,
      )
      .join('');
  }

  /** Must still be as it was, unless its memory was taken away with others of its window. */
  verify(entry) {
    const { buf, size, byte } = entry;
    if (buf.released) throw new Disagreement(`a live buffer of ${size} B says that it was released`);
    if (buf.byteLength === 0) return;
    if (!isFilled(buf, byte, this.#random)) {
      throw new Disagreement(
        `a live buffer of ${size} B of pool "${entry.pool.name}" has bytes of somebody else`,
      );
    }
  }

  any() {
    return this.live.length === 0 ? undefined : this.#random.of(this.live);
  }

  /** Before its last release: from then on the memory may be anybody's. */
  remove(entry) {
    this.verify(entry);
    const place = this.live.indexOf(entry);
    assert(place >= 0);
    this.live[place] = this.live.at(-1);
    this.live.pop();
    if (entry.claim === undefined) return;
    const isLast = entry.holders === undefined || Atomics.sub(entry.holders, 0, 1) === 1;
    this.#claims.give(entry.claim, isLast);
  }

  /** What another thread has to know of a buffer that is posted to it by a token. */
  toPost(entry) {
    entry.holders ??= new Int32Array(new SharedArrayBuffer(4)).fill(1);
    Atomics.add(entry.holders, 0, 1);
    const { size, byte, holders } = entry;
    return { size, byte, holders, begin: entry.claim.begin, count: entry.claim.count };
  }
}
