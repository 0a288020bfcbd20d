import type { Memory } from '../memory/memory.js';
import type { MessageSink, Source } from '../receive/message-sink.js';
import type { ReceiveBuffer } from '../receive/receive-buffer.js';
import type { Archive } from '../store/archive.js';
import type { EntryAppender } from '../store/find-entries.js';
import { MAX_FRAME_HEADER, writeFrameHeader } from '../syslog/frame.js';
import { Format } from '../syslog/message.js';
import { SyslogParser } from '../syslog/parser.js';
import { zeroCounters } from './counters.js';

/** The way of a message from a receiver into the server: parsed, written down as an entry, and its bytes archived. */
export class Ingest implements MessageSink {
  readonly counters = zeroCounters();
  readonly #parser = new SyslogParser();
  readonly #memory: Memory;
  readonly #recent: EntryAppender;
  readonly #archive: Archive;
  #now = 0;

  constructor(memory: Memory, recent: EntryAppender, archive: Archive) {
    this.#memory = memory;
    this.#recent = recent;
    this.#archive = archive;
  }

  get congested(): boolean {
    return this.#archive.congested;
  }

  get overloaded(): boolean {
    return this.#archive.overloaded;
  }

  received(): void {
    this.#now = Date.now();
  }

  message(buffer: ReceiveBuffer, start: number, end: number): void {
    const message = this.#parser.parse(buffer.bytes, start, end);
    const counters = this.counters;
    counters.messages++;
    if (message.format === Format.rfc5424) counters.rfc5424++;
    else if (message.format === Format.rfc3164) counters.rfc3164++;
    else counters.unparsed++;
    this.#archive.count(message);
    this.#recent.append(buffer, start, end, message, this.#now);
  }

  frames(buffer: ReceiveBuffer, start: number, end: number, messages: number, source: Source): void {
    this.#archive.append(buffer.bytes, start, end, messages, source);
  }

  piece(buffer: ReceiveBuffer, start: number, end: number, source: Source): void {
    this.counters.pieces++;
    this.message(buffer, start, end);
    const length = end - start;
    const frame = this.#memory.acquire(length + MAX_FRAME_HEADER);
    const body = writeFrameHeader(frame, 0, length);
    buffer.bytes.copy(frame, body, start, end);
    this.#archive.append(frame, 0, body + length, 1, source);
    this.#memory.release(frame);
  }
}
