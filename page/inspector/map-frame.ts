/** Reads the frames of `event: map` in place. map-format.ts says what their bytes mean. */
import {
  FULLNESS_SHIFT,
  HEADER,
  HEADER_BYTES,
  RECORD,
  SLICE_ENTRY,
  SLICE_ENTRY_BYTES,
  TAG_CONTINUED,
  TAG_HUGE,
} from './map-format.js';

const TEMPERATURE_MASK = (1 << FULLNESS_SHIFT) - 1;

export class MapFrame {
  /** Whether every superslab that is or was in use follows, so that what was known before is forgotten. */
  readonly isFull: boolean;
  /** When the memory was looked at: milliseconds since 1970. */
  readonly atMs: number;
  /** Records that the header announces. */
  readonly announced: number;
  /** Records that are there: fewer than announced when the frame was cut off. */
  readonly count: number;
  readonly recordBytes: number;
  readonly #view: DataView;

  /** `bytes` have a whole header. */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = view;
    this.isFull = view.getUint8(HEADER.full) === 1;
    this.atMs = view.getFloat64(HEADER.atMs, true);
    this.recordBytes = view.getUint16(HEADER.recordBytes, true);
    this.announced = view.getUint32(HEADER.records, true);
    this.count = Math.min(this.announced, Math.floor((bytes.length - HEADER_BYTES) / this.recordBytes));
  }

  get format(): number {
    return this.#view.getUint8(HEADER.format);
  }

  /** Record `n` of `count`. */
  record(n: number): MapRecord {
    return new MapRecord(this.#view, HEADER_BYTES + n * this.recordBytes);
  }
}

/** What a frame says of one superslab. */
export class MapRecord {
  readonly #view: DataView;
  readonly #at: number;

  constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
  }

  get index(): number {
    return this.#view.getUint32(this.#at + RECORD.index, true);
  }
  get use(): number {
    return this.#view.getUint8(this.#at + RECORD.use);
  }
  get pool(): number {
    return this.#view.getUint8(this.#at + RECORD.pool);
  }
  get flags(): number {
    return this.#view.getUint8(this.#at + RECORD.flags);
  }
  get node(): number {
    return this.#view.getUint8(this.#at + RECORD.node);
  }
  get span(): number {
    return this.#view.getUint32(this.#at + RECORD.span, true);
  }

  /** The tag of a slice as it was sent. */
  sentTag(slice: number): number {
    return this.#entry(slice, SLICE_ENTRY.tag);
  }
  fullness(slice: number): number {
    return this.#entry(slice, SLICE_ENTRY.state) >> FULLNESS_SHIFT;
  }
  temperature(slice: number): number {
    return this.#entry(slice, SLICE_ENTRY.state) & TEMPERATURE_MASK;
  }

  #entry(slice: number, offset: number): number {
    return this.#view.getUint8(this.#at + RECORD.slices + slice * SLICE_ENTRY_BYTES + offset);
  }
}

/** What a sent tag says of the slice's block: TAG_FREE, TAG_HUGE, or a size class plus one. */
export const classTag = (sent: number): number => (sent === TAG_HUGE ? sent : sent & ~TAG_CONTINUED);

/** Whether a sent tag says that the slice's slab began in an earlier slice. Only those of classes do. */
export const isContinued = (sent: number): boolean => sent !== TAG_HUGE && (sent & TAG_CONTINUED) !== 0;

export function decodeBase64(text: string): Uint8Array {
  const binary = atob(text);
  const out = new Uint8Array(binary.length);
  for (let i = 0; i < out.length; i++) out[i] = binary.charCodeAt(i);
  return out;
}
