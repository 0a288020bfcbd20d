/** What the page knows of the process's memory: the records of `event: map`, unpacked into flat arrays. */
import { FULL, HEADER_BYTES, SLICES, TAG_FREE, TAG_HUGE, TEMPERATURE } from './map-format.js';
import { classTag, isContinued, MapFrame, type MapRecord } from './map-frame.js';

/** Ordinal of superslabs that are in no pool. */
export const NO_POOL = 0;

/** Share of a slab's blocks that are out, 0 to 1: the middle of its step. */
export const shareOf = (fullness: number): number =>
  fullness === 0 ? 0 : fullness === FULL ? 1 : (fullness - 0.5) / (FULL - 1);

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
  span = new Uint32Array(0);
  /** Per slice: index x 32 + slice. */
  tag = new Uint8Array(0);
  /** First slice of the slab, or of the free stretch, that the slice is part of. */
  start = new Uint8Array(0);
  fullness = new Uint8Array(0);
  /** When the slice last changed, ms of the page's clock; UNTOUCHED without memory. */
  changedAt = new Float64Array(0);

  /** Takes a frame in; how many records. Slices cool down here: the server sends one only when it changed. */
  apply(bytes: Uint8Array, now: number): number {
    if (bytes.length < HEADER_BYTES) return 0;
    const frame = new MapFrame(bytes);
    if (frame.isFull) {
      this.#forget();
      this.isKnown = true;
    }
    for (let n = 0; n < frame.count; n++) this.#take(frame.record(n), now);
    return frame.count;
  }

  #take(record: MapRecord, now: number): void {
    const { index } = record;
    this.#reserve(index + 1);
    if (this.isPresent[index] === 0) this.present++;
    this.isPresent[index] = 1;
    this.use[index] = record.use;
    this.pool[index] = record.pool;
    this.flags[index] = record.flags;
    this.node[index] = record.node;
    this.span[index] = record.span;
    for (let slice = 0; slice < SLICES; slice++) {
      const to = index * SLICES + slice;
      const sent = record.sentTag(slice);
      this.tag[to] = classTag(sent);
      this.start[to] = slice > 0 && this.#continues(to, sent) ? this.start[to - 1]! : slice;
      this.fullness[to] = record.fullness(slice);
      this.changedAt[to] = changeTime(record.temperature(slice), this.changedAt[to]!, now);
    }
  }

  /** How long a slice has been at rest, ms; Infinity without memory. */
  restedMs(slice: number, now: number): number {
    const changed = this.changedAt[slice]!;
    return changed === UNTOUCHED ? Infinity : Math.max(now - changed, 0);
  }

  /** Whether a slice belongs to what began before it: only classes say so themselves. */
  #continues(slice: number, sent: number): boolean {
    if (sent === TAG_FREE || sent === TAG_HUGE) return this.tag[slice - 1] === sent;
    return isContinued(sent);
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
    this.span = grown(new Uint32Array(room), this.span);
    this.tag = grown(new Uint8Array(room * SLICES), this.tag);
    this.start = grown(new Uint8Array(room * SLICES), this.start);
    this.fullness = grown(new Uint8Array(room * SLICES), this.fullness);
    this.changedAt = grown(new Float64Array(room * SLICES).fill(UNTOUCHED), this.changedAt);
  }
}

/** When a slice changed, as far as its sent temperature and what was known before tell. */
function changeTime(sent: number, before: number, now: number): number {
  if (sent === TEMPERATURE.untouched) return UNTOUCHED;
  if (sent === TEMPERATURE.hot) return now;
  const isKnown = before !== UNTOUCHED;
  if (sent === TEMPERATURE.warm) return isKnown && now - before <= COLD_MS ? before : now;
  return isKnown && now - before > COLD_MS ? before : now - COLD_MS;
}
