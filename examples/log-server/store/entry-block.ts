import type { Memory } from '../memory/memory.js';
import type { ReceiveBuffer } from '../receive/receive-buffer.js';
import type { SyslogMessage } from '../syslog/message.js';
import type { Entry } from './entry.js';
import { EntryRecords, RECORD_BYTES } from './entry-records.js';
import type { EntryList } from './find-entries.js';

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
export class EntryBlock implements EntryList {
  length = 0;

  readonly #serial: number;
  readonly #memory: Memory;
  readonly #records: Buffer;
  readonly #buffers: ReceiveBuffer[] = [];
  readonly #holdings: Holdings;
  readonly #entries: EntryRecords;

  constructor(memory: Memory, serial: number, holdings: Holdings) {
    this.#memory = memory;
    this.#holdings = holdings;
    this.#serial = serial;
    const size = ENTRIES_PER_BLOCK * RECORD_BYTES;
    this.#records = memory.acquire(size);
    this.#entries = new EntryRecords(this.#records);
    holdings.bytes += size;
  }

  get full(): boolean {
    return this.length === ENTRIES_PER_BLOCK;
  }

  /** Writes down a message that lies in `buffer[start, end)`. The block must not be full. */
  append(buffer: ReceiveBuffer, start: number, end: number, message: SyslogMessage, received: number): void {
    const number = this.#indexOf(buffer);
    this.#entries.write(this.length++, message, start, end - start, received, number, start);
  }

  /** The severity of an entry, 0 to 7, without reading the rest of it. */
  severity(record: number): number {
    return this.#entries.severity(record);
  }

  /** An entry as an object with strings, for whoever asks. */
  read(record: number): Entry {
    return this.#entries.read(record, this.#buffers[this.#entries.buffer(record)]!.bytes);
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
