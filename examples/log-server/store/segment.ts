import type { SyslogMessage } from '../syslog/message.js';
import type { Entry } from './entry.js';
import { EntryRecords, RECORD_BYTES } from './entry-records.js';
import type { EntryList } from './find-entries.js';

const HEADER_BYTES = 64;
// As 64-bit floats in the header:
const SERIAL = 0;
const BEFORE = 1; // handle of the segment before
// And as 32-bit words behind them:
const COUNT = 4;
const TEXT_AT = 5; // where the messages begin, which grow downwards from the end

/**
 * Entries with their messages in one piece of memory: records grow from the front, messages from the back. It says itself how many it has,
 * and that number is stored last. So a process that is killed in the midst of an append leaves it without that entry, and whole.
 */
export class Segment implements EntryList {
  readonly #memory: Buffer;
  readonly #floats: Float64Array;
  readonly #words: Uint32Array;
  readonly #entries: EntryRecords;

  /** Over memory that was a segment's before, or is made one by {@link clear}. It begins at a multiple of 8. */
  constructor(memory: Buffer) {
    this.#memory = memory;
    this.#floats = new Float64Array(memory.buffer, memory.byteOffset, 2);
    this.#words = new Uint32Array(memory.buffer, memory.byteOffset, 6);
    const room = memory.length - HEADER_BYTES;
    this.#entries = new EntryRecords(
      memory.subarray(HEADER_BYTES, HEADER_BYTES + room - (room % RECORD_BYTES)),
    );
  }

  /** Segments of one sequence have numbers that follow each other. */
  get serial(): number {
    return this.#floats[SERIAL]!;
  }

  get before(): number {
    return this.#floats[BEFORE]!;
  }

  get length(): number {
    return this.#words[COUNT]!;
  }

  /** Whether all that it says lies in it: after a power failure parts of it may be older than others. */
  get isWhole(): boolean {
    const textAt = this.#words[TEXT_AT]!;
    const end = HEADER_BYTES + this.length * RECORD_BYTES;
    if (textAt > this.#memory.length || end > textAt) return false;
    for (let record = 0; record < this.length; record++) {
      const start = this.#entries.start(record);
      if (start < textAt || start + this.#entries.length(record) > this.#memory.length) return false;
    }
    return true;
  }

  clear(serial: number, before: number): void {
    this.#words[COUNT] = 0;
    this.#words[TEXT_AT] = this.#memory.length;
    this.#floats[BEFORE] = before;
    this.#floats[SERIAL] = serial;
  }

  /** Copies a message that was parsed in `bytes`. False when there is no room for it. */
  append(bytes: Buffer, start: number, end: number, message: SyslogMessage, received: number): boolean {
    const words = this.#words;
    const count = words[COUNT]!;
    const textAt = words[TEXT_AT]! - (end - start);
    if (HEADER_BYTES + (count + 1) * RECORD_BYTES > textAt) return false;
    bytes.copy(this.#memory, textAt, start, end);
    this.#entries.write(count, message, start, end - start, received, 0, textAt);
    words[TEXT_AT] = textAt;
    words[COUNT] = count + 1;
    return true;
  }

  severity(record: number): number {
    return this.#entries.severity(record);
  }

  read(record: number): Entry {
    return this.#entries.read(record, this.#memory);
  }
}
