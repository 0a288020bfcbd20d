import type { SyslogMessage } from '../syslog/message.js';
import type { Entry } from './entry.js';

/** One entry, 64 bytes, a cache line of an aligned block. Positions are relative to the message's start. */
export const RECORD_BYTES = 64;
// As 64-bit floats:
const TIME = 0; // microseconds since 1970, NaN where unknown
const RECEIVED = 1; // milliseconds since 1970
// As 32-bit words:
const BUFFER = 4; // number of the buffer that the message lies in, for whoever has several
const START = 5;
const LENGTH = 6;
const TEXT_START = 7;
const DATA_END = 8;
// As 16-bit words. Headers are short whatever the grammar, see rfc3164.ts and rfc5424.ts.
const FORMAT_AND_PRIORITY = 18;
const ZONE = 19;
const HOST_START = 20;
const HOST_END = 21;
const APP_START = 22;
const APP_END = 23;
const PROC_START = 24;
const PROC_END = 25;
const ID_START = 26;
const ID_END = 27;
const DATA_START = 28;
// And in the last 32-bit word:
const TEXT_END = 15;

/** Entries as records of a fixed size, side by side in one piece of memory. No entry is an object until someone reads it. */
export class EntryRecords {
  // Three views of the same memory, which begins at a multiple of 8.
  readonly #floats: Float64Array;
  readonly #words: Uint32Array;
  readonly #halves: Uint16Array;

  /** Over `memory`, whose length is a multiple of a record's. */
  constructor(memory: Buffer) {
    const { buffer, byteOffset, length } = memory;
    this.#floats = new Float64Array(buffer, byteOffset, length / 8);
    this.#words = new Uint32Array(buffer, byteOffset, length / 4);
    this.#halves = new Uint16Array(buffer, byteOffset, length / 2);
  }

  /**
   * Writes down a message of `length` bytes that was parsed in a buffer where it began at `start`, and that lies at `place` of buffer number
   * `buffer` from now on.
   */
  write(
    record: number,
    message: SyslogMessage,
    start: number,
    length: number,
    received: number,
    buffer: number,
    place: number,
  ): void {
    const floats = this.#floats;
    const words = this.#words;
    const halves = this.#halves;
    const f = record * (RECORD_BYTES / 8);
    floats[f + TIME] = message.time;
    floats[f + RECEIVED] = received;
    const w = record * (RECORD_BYTES / 4);
    words[w + BUFFER] = buffer;
    words[w + START] = place;
    words[w + LENGTH] = length;
    words[w + TEXT_START] = message.textStart - start;
    words[w + DATA_END] = message.dataEnd - start;
    words[w + TEXT_END] = message.textEnd - start;
    const h = record * (RECORD_BYTES / 2);
    halves[h + FORMAT_AND_PRIORITY] = (message.format << 8) | message.priority;
    halves[h + ZONE] = message.zone;
    halves[h + HOST_START] = message.hostStart - start;
    halves[h + HOST_END] = message.hostEnd - start;
    halves[h + APP_START] = message.appStart - start;
    halves[h + APP_END] = message.appEnd - start;
    halves[h + PROC_START] = message.procStart - start;
    halves[h + PROC_END] = message.procEnd - start;
    halves[h + ID_START] = message.idStart - start;
    halves[h + ID_END] = message.idEnd - start;
    halves[h + DATA_START] = message.dataStart - start;
  }

  /** The severity of an entry, 0 to 7, without reading the rest of it. */
  severity(record: number): number {
    return this.#halves[record * (RECORD_BYTES / 2) + FORMAT_AND_PRIORITY]! & 7;
  }

  buffer(record: number): number {
    return this.#words[record * (RECORD_BYTES / 4) + BUFFER]!;
  }

  start(record: number): number {
    return this.#words[record * (RECORD_BYTES / 4) + START]!;
  }

  length(record: number): number {
    return this.#words[record * (RECORD_BYTES / 4) + LENGTH]!;
  }

  /** An entry as an object with strings, for whoever asks; its message lies in `memory`. */
  read(record: number, memory: Buffer): Entry {
    const f = record * (RECORD_BYTES / 8);
    const w = record * (RECORD_BYTES / 4);
    const h = record * (RECORD_BYTES / 2);
    const words = this.#words;
    const halves = this.#halves;
    const start = words[w + START]!;
    const bytes = memory.subarray(start, start + words[w + LENGTH]!);
    const field = (from: number, to: number) => bytes.toString('utf8', halves[h + from], halves[h + to]);
    const formatAndPriority = halves[h + FORMAT_AND_PRIORITY]!;
    const priority = formatAndPriority & 0xff;
    return {
      format: (['unparsed', 'rfc3164', 'rfc5424'] as const)[formatAndPriority >> 8]!,
      facility: priority >> 3,
      severity: priority & 7,
      time: this.#floats[f + TIME]!,
      zone: (halves[h + ZONE]! << 16) >> 16,
      received: this.#floats[f + RECEIVED]!,
      host: field(HOST_START, HOST_END),
      app: field(APP_START, APP_END),
      proc: field(PROC_START, PROC_END),
      id: field(ID_START, ID_END),
      data: bytes.toString('utf8', halves[h + DATA_START], words[w + DATA_END]),
      text: bytes.toString('utf8', words[w + TEXT_START], words[w + TEXT_END]),
    };
  }
}
