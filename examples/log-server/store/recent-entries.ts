import type { Memory } from '../memory/memory.js';
import type { ReceiveBuffer } from '../receive/receive-buffer.js';
import type { SyslogMessage } from '../syslog/message.js';
import type { Entry } from './entry.js';
import { EntryBlock, type Holdings } from './entry-block.js';
import { type EntryAppender, type EntryFilter, findIn } from './find-entries.js';

/**
 * The newest entries, for whoever wants to see what is going on now. They stay where they were received, so keeping
 * them costs no copy, only time of life: the oldest block goes, with the receive buffers only it refers to, when
 * more than `maxBytes` are held.
 */
export class RecentEntries implements EntryAppender {
  readonly #memory: Memory;
  readonly #maxBytes: number;
  readonly #holdings: Holdings = { bytes: 0 };
  /** The oldest first; entries go into the last. */
  readonly #blocks: EntryBlock[] = [];
  #current: EntryBlock;
  #serial = 0;

  constructor(memory: Memory, maxBytes: number) {
    this.#memory = memory;
    this.#maxBytes = maxBytes;
    this.#current = this.#open();
  }

  append(buffer: ReceiveBuffer, start: number, end: number, message: SyslogMessage, received: number): void {
    if (this.#current.full) this.#turnOver();
    this.#current.append(buffer, start, end, message, received);
  }

  get length(): number {
    return this.#blocks.reduce((sum, block) => sum + block.length, 0);
  }

  get heldBytes(): number {
    return this.#holdings.bytes;
  }

  /** Entries that match, the newest first. */
  find(filter: EntryFilter): Entry[] {
    const found: Entry[] = [];
    for (let index = this.#blocks.length - 1; index >= 0; index--) {
      if (!findIn(this.#blocks[index]!, filter, found)) break;
    }
    return found;
  }

  release(): void {
    for (const block of this.#blocks) block.release();
    this.#blocks.length = 0;
  }

  #open(): EntryBlock {
    const block = new EntryBlock(this.#memory, this.#serial++, this.#holdings);
    this.#blocks.push(block);
    return block;
  }

  #turnOver(): void {
    this.#current = this.#open();
    while (this.#blocks.length > 1 && this.#holdings.bytes > this.#maxBytes) this.#blocks.shift()!.release();
  }
}
