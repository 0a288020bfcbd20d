// Who has which memory: a bit for each granule of 64 bytes, shared by all threads. Two live buffers that overlap are found
// at the second one's claim, whichever threads they are in.

/** Granules are told apart by the low 32 bits of their number, that is by addresses modulo 256 GiB. */
const GRANULES = 2 ** 32;
const GRANULE_BYTES = 64n;
const BITS = 32;

/** Of a thread that may be terminated: what it has claimed, for those who find that memory lent again. */
const LOGGED = 4096;

/** Mostly never touched: memory that no claim was made in takes no room. */
export const makeBits = () => new SharedArrayBuffer(GRANULES / 8);

/** [begin, count] of each claim of a thread; the first word says whether it is being terminated. */
export const makeLog = () => new SharedArrayBuffer((1 + 2 * LOGGED) * 4);

const rangeOf = (address, bytes) => {
  const begin = Number((address / GRANULE_BYTES) % BigInt(GRANULES));
  const end = Number(((address + BigInt(Math.max(bytes, 1)) - 1n) / GRANULE_BYTES) % BigInt(GRANULES));
  return { begin, count: end - begin + 1 };
};

export class Claims {
  #bits;
  #log;
  #logs;
  #places = [];

  /** @param logs those of all threads */
  constructor(bits, log, logs) {
    this.#bits = new Int32Array(bits);
    this.#log = new Uint32Array(log);
    this.#logs = logs.map((one) => new Uint32Array(one));
    for (let place = LOGGED - 1; place >= 0; place--) this.#places.push(place);
  }

  /** Whether there is room for one more. */
  get hasRoom() {
    return this.#places.length > 0;
  }

  // The thread may be terminated between any two statements. What has a bit must be in its log by then: so a claim is logged
  // before its bits are set, and until they are clear.

  /** @returns the claim, or undefined when somebody else has some of that memory */
  take(address, bytes) {
    const { begin, count } = rangeOf(address, bytes);
    const claim = this.join(begin, count);
    return this.#set(begin, count) || this.#isOfTheDoomed(begin, count) ? claim : undefined;
  }

  /** One more thread has what another one claimed. */
  join(begin, count) {
    const place = this.#places.pop();
    this.#log[1 + 2 * place] = begin;
    Atomics.store(this.#log, 2 + 2 * place, count);
    return { begin, count, place };
  }

  /** @param isLast whether no other thread has it */
  give({ begin, count, place }, isLast) {
    if (isLast) this.#each(begin, count, (word, mask) => Atomics.and(this.#bits, word, ~mask));
    Atomics.store(this.#log, 2 + 2 * place, 0);
    this.#places.push(place);
  }

  #set(begin, count) {
    let free = true;
    this.#each(begin, count, (word, mask) => {
      if ((Atomics.or(this.#bits, word, mask) & mask) !== 0) free = false;
    });
    return free;
  }

  #each(begin, count, visit) {
    const end = begin + count;
    for (let at = begin; at < end; ) {
      const bit = at % BITS;
      const bits = Math.min(BITS - bit, end - at);
      visit(Math.floor(at / BITS), (bits === BITS ? -1 : (1 << bits) - 1) << bit);
      at += bits;
    }
  }

  /** A thread that is terminated cannot take its claims back. */
  #isOfTheDoomed(begin, count) {
    return this.#logs.some((log) => Atomics.load(log, 0) === 1 && hasClaim(log, begin, count));
  }

  /** The numbers of the threads that have some of that memory, for whoever reads of a disagreement. */
  threadsWith(address, bytes) {
    const { begin, count } = rangeOf(address, bytes);
    return this.#logs.flatMap((log, thread) => (hasClaim(log, begin, count) ? [thread] : []));
  }
}

function hasClaim(log, begin, count) {
  for (let place = 0; place < LOGGED; place++) {
    const its = log[2 + 2 * place];
    if (its !== 0 && log[1 + 2 * place] < begin + count && begin < log[1 + 2 * place] + its) return true;
  }
  return false;
}
