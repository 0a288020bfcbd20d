import type { Memory } from '../memory/memory.js';
import type { ReceiveBuffer } from '../receive/receive-buffer.js';
import type { SyslogMessage } from '../syslog/message.js';
import type { Entry } from './entry.js';

/** One entry, 64 bytes, a cache line of an aligned block. Positions are relative to the message's start. */
const RECORD_BYTES = 64;
// As 64-bit floats:
const TIME = 0; // microseconds since 1970, NaN where unknown
const RECEIVED = 1; // milliseconds since 1970
// As 32-bit words:
const BUFFER = 4; // number of the receive buffer in this block
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

/** Entries in a block of 64 KiB. */
export const ENTRIES_PER_BLOCK = 1024;

/** The memory that a set of blocks keeps alive, in bytes; a receive buffer counts once, however many refer to it. */
export interface Holdings {
  bytes: number;
}

/**
 * Parsed entries as fixed-size records in one piece of pooled memory. A record says where its message lies in a
 * receive buffer, and where the fields lie in the message; the block holds a reference to every receive buffer its
 * records point into. Nothing of a message is copied, and no entry is a JavaScript object until someone reads it.
 */
export class EntryBlock {
  length = 0;

  readonly #serial: number;
  readonly #memory: Memory;
  readonly #records: Buffer;
  readonly #buffers: ReceiveBuffer[] = [];
  readonly #holdings: Holdings;
  // Three views of the same memory. Pooled blocks are aligned to 64 bytes, Node's own to 8.
  readonly #floats: Float64Array;
  readonly #words: Uint32Array;
  readonly #halves: Uint16Array;

  constructor(memory: Memory, serial: number, holdings: Holdings) {
    this.#memory = memory;
    this.#holdings = holdings;
    this.#serial = serial;
    const size = ENTRIES_PER_BLOCK * RECORD_BYTES;
    this.#records = memory.acquire(size);
    const { buffer, byteOffset } = this.#records;
    this.#floats = new Float64Array(buffer, byteOffset, size / 8);
    this.#words = new Uint32Array(buffer, byteOffset, size / 4);
    this.#halves = new Uint16Array(buffer, byteOffset, size / 2);
    holdings.bytes += size;
  }

  get full(): boolean {
    return this.length === ENTRIES_PER_BLOCK;
  }

  /** Writes down a message that lies in `buffer[start, end)`. The block must not be full. */
  append(buffer: ReceiveBuffer, start: number, end: number, message: SyslogMessage, received: number): void {
    const record = this.length++;
    const floats = this.#floats;
    const words = this.#words;
    const halves = this.#halves;
    const f = record * (RECORD_BYTES / 8);
    floats[f + TIME] = message.time;
    floats[f + RECEIVED] = received;
    const w = record * (RECORD_BYTES / 4);
    words[w + BUFFER] = this.#indexOf(buffer);
    words[w + START] = start;
    words[w + LENGTH] = end - start;
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

  /** An entry as an object with strings, for whoever asks. */
  read(record: number): Entry {
    const f = record * (RECORD_BYTES / 8);
    const w = record * (RECORD_BYTES / 4);
    const h = record * (RECORD_BYTES / 2);
    const words = this.#words;
    const halves = this.#halves;
    const start = words[w + START]!;
    const bytes = this.#buffers[words[w + BUFFER]!]!.bytes.subarray(start, start + words[w + LENGTH]!);
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

  release(): void {
    for (const buffer of this.#buffers) {
      if (--buffer.holders === 0) this.#holdings.bytes -= buffer.bytes.length;
      this.#memory.release(buffer.bytes);
    }
    this.#holdings.bytes -= this.#records.length;
    this.#memory.release(this.#records);
  }

  /** The number of a receive buffer in this block, which holds a reference to it from now on. */
  #indexOf(buffer: ReceiveBuffer): number {
    if (buffer.blockSerial !== this.#serial) {
      this.#memory.retain(buffer.bytes);
      if (buffer.holders++ === 0) this.#holdings.bytes += buffer.bytes.length;
      buffer.blockSerial = this.#serial;
      buffer.blockIndex = this.#buffers.push(buffer) - 1;
    }
    return buffer.blockIndex;
  }
}
