import type { ReceiveBuffer } from './receive-buffer.js';

/** Whoever bytes come from: the archive tells it how far it has got. */
export interface Source {
  readonly name: string;
  /** Bytes of this source that have been written to the archive. */
  archivedBytes: number;
  /** Messages of this source that have been written to the archive. */
  archivedMessages: number;
}

/** Where receivers put what they receive. */
export interface MessageSink {
  /** Messages that came in together follow: now is when they were received. */
  received(): void;
  /** A message, without its framing, whose bytes `frames` will hand over next. */
  message(buffer: ReceiveBuffer, start: number, end: number): void;
  /** Bytes to archive as they came: the whole frames of the last `messages` messages. */
  frames(buffer: ReceiveBuffer, start: number, end: number, messages: number, source: Source): void;
  /** A message that has lost its framing, because it was too long or was cut off. It gets a new frame. */
  piece(buffer: ReceiveBuffer, start: number, end: number, source: Source): void;
  /** True while so much is waiting to be written that receivers should stop. */
  readonly congested: boolean;
  /** True where senders that cannot be stopped have to lose messages. */
  readonly overloaded: boolean;
}
