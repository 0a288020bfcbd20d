/** What the page knows of the process's memory: the records of `event: map`, unpacked into flat arrays. */

export const SLICES = 32;
export const SUPERSLAB_BYTES = 2 << 20;
export const SLICE_BYTES = SUPERSLAB_BYTES / SLICES;
export const SUPERSLABS_PER_ARENA = 2048;

export const TAG_FREE = 0;
export const TAG_HUGE = 255;
/** Ordinal of superslabs that are in no pool. */
export const NO_POOL = 0;

export const USE = { spare: 0, slabs: 1, hugeHead: 2, hugeTail: 3 } as const;

export const FLAG = { hugePages: 1, transparentHuge: 2, views: 4, idle: 8, secret: 16 } as const;

/** Fullness of a slab: 0 nothing is out, 15 all is, between them steps of a fourteenth. */
export const FULL = 15;

/** Share of a slab's blocks that are out, 0 to 1: the middle of its step. */
export const shareOf = (fullness: number): number =>
  fullness === 0 ? 0 : fullness === FULL ? 1 : (fullness - 0.5) / (FULL - 1);

const HEADER_BYTES = 16;
const CONTINUES = 0x80;

/** Temperatures as they are sent: what was so when the record was made. */
const SENT = { untouched: 0, cold: 1, warm: 2, hot: 3 } as const;

/** A slice whose memory was never touched, or went back to the operating system. */
export const UNTOUCHED = -1;

const COLD_MS = 60_000;

export class MemoryModel {
  /** One more than the highest index seen. */
  end = 0;
  /** Whether a full frame was taken in; until then nothing is known. */
  isKnown = false;
  present = 0;
  isPresent = new Uint8Array(0);
  use = new Uint8Array(0);
  pool = new Uint8Array(0);
  flags = new Uint8Array(0);
  node = new Uint8Array(0);
  /** Superslabs of the huge block that this one heads. */
  run = new Uint32Array(0);
  /** Per slice: index x 32 + slice. */
  tag = new Uint8Array(0);
  /** First slice of the slab, or of the free stretch, that the slice is part of. */
  start = new Uint8Array(0);
  fullness = new Uint8Array(0);
  /** When the slice last changed, ms of the page's clock; UNTOUCHED without memory. */
  changedAt = new Float64Array(0);

  /** Takes a frame in; how many records. Slices cool down here: the server sends one only when it changed. */
  apply(frame: Uint8Array, now: number): number {
    if (frame.length < HEADER_BYTES) return 0;
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const step = view.getUint16(2, true);
    const total = Math.min(view.getUint32(4, true), Math.floor((frame.length - HEADER_BYTES) / step));
    if (frame[1] === 1) {
      this.#forget();
      this.isKnown = true;
    }
    const records = frame;
    for (let at = HEADER_BYTES, n = 0; n < total; n++, at += step) {
      const index = view.getUint32(at, true);
      this.#reserve(index + 1);
      if (this.isPresent[index] === 0) this.present++;
      this.isPresent[index] = 1;
      this.use[index] = records[at + 4]!;
      this.pool[index] = records[at + 5]!;
      this.flags[index] = records[at + 6]!;
      this.node[index] = records[at + 7]!;
      this.run[index] = view.getUint32(at + 8, true);
      for (let slice = 0; slice < SLICES; slice++) {
        const to = index * SLICES + slice;
        const state = records[at + 13 + 2 * slice]!;
        const tag = records[at + 12 + 2 * slice]!;
        this.tag[to] = tag === TAG_HUGE ? tag : tag & ~CONTINUES;
        this.start[to] = slice > 0 && this.#continues(to, tag) ? this.start[to - 1]! : slice;
        this.fullness[to] = state >> 4;
        this.changedAt[to] = changeTime(state & 15, this.changedAt[to]!, now);
      }
    }
    return total;
  }

  /** How long a slice has been at rest, ms; Infinity without memory. */
  restedMs(slice: number, now: number): number {
    const changed = this.changedAt[slice]!;
    return changed === UNTOUCHED ? Infinity : Math.max(now - changed, 0);
  }

  /** Whether a slice belongs to what began before it: only classes say so themselves. */
  #continues(slice: number, sent: number): boolean {
    if (sent === TAG_FREE || sent === TAG_HUGE) return this.tag[slice - 1] === sent;
    return (sent & CONTINUES) !== 0;
  }

  #forget(): void {
    this.end = 0;
    this.present = 0;
    this.isPresent.fill(0);
  }

  #reserve(superslabs: number): void {
    if (superslabs <= this.end) return;
    this.end = superslabs;
    if (superslabs <= this.use.length) return;
    const room = Math.max(64, 2 ** Math.ceil(Math.log2(superslabs)));
    const grown = <T extends Uint8Array | Uint32Array | Float64Array>(fresh: T, old: T): T => {
      fresh.set(old as never);
      return fresh;
    };
    this.isPresent = grown(new Uint8Array(room), this.isPresent);
    this.use = grown(new Uint8Array(room), this.use);
    this.pool = grown(new Uint8Array(room).fill(NO_POOL), this.pool);
    this.flags = grown(new Uint8Array(room), this.flags);
    this.node = grown(new Uint8Array(room), this.node);
    this.run = grown(new Uint32Array(room), this.run);
    this.tag = grown(new Uint8Array(room * SLICES), this.tag);
    this.start = grown(new Uint8Array(room * SLICES), this.start);
    this.fullness = grown(new Uint8Array(room * SLICES), this.fullness);
    this.changedAt = grown(new Float64Array(room * SLICES).fill(UNTOUCHED), this.changedAt);
  }
}

/** When a slice changed, as far as its sent temperature and what was known before tell. */
function changeTime(sent: number, before: number, now: number): number {
  if (sent === SENT.untouched) return UNTOUCHED;
  if (sent === SENT.hot) return now;
  const isKnown = before !== UNTOUCHED;
  if (sent === SENT.warm) return isKnown && now - before <= COLD_MS ? before : now;
  return isKnown && now - before > COLD_MS ? before : now - COLD_MS;
}

export function decodeBase64(text: string): Uint8Array {
  const binary = atob(text);
  const out = new Uint8Array(binary.length);
  for (let i = 0; i < out.length; i++) out[i] = binary.charCodeAt(i);
  return out;
}
