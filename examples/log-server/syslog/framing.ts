import { isDigit, LF, SPACE, ZERO } from './ascii.js';

/** More digits than this are no octet count but text. */
const MAX_COUNT_DIGITS = 9;

/**
 * Finds the messages in a TCP stream, RFC 6587. The framing is detected for each message anew: a digit other than
 * zero, more digits and a space are an octet count (3.4.1), anything else is text up to a line feed (3.4.2).
 *
 * It keeps no bytes: it looks at what has been received so far and asks for more. A message longer than
 * `maxMessage` comes in pieces of at most that length, so memory per connection is bounded.
 */
export class Framer {
  /** The message found last: `bytes[start, end)`, without count or line feed. */
  start = 0;
  end = 0;
  /** True where the message found last is a piece of one that was too long, or was cut off: its framing is lost. */
  piece = false;

  readonly #maxMessage: number;
  /** Octets that are still to come of a counted message that was too long. */
  #owed = 0;
  /** Inside a line that was too long. */
  #inLongLine = false;

  constructor(maxMessage: number) {
    this.#maxMessage = maxMessage;
  }

  /** Finds the message at `at` in `bytes[at, limit)`. Returns the position behind it, or -1 when more bytes are needed. */
  next(bytes: Buffer, at: number, limit: number): number {
    if (this.#owed > 0) return this.#owedPiece(at, limit);
    if (this.#inLongLine) return this.#line(bytes, at, limit);
    const first = bytes[at]!;
    if (first > ZERO && isDigit(first)) {
      const body = countEnd(bytes, at, limit);
      if (body < 0) return -1;
      if (body > 0) return this.#counted(readCount(bytes, at, body - 1), body, limit);
    }
    return this.#line(bytes, at, limit);
  }

  /**
   * The stream has ended: makes what is left in `bytes[at, limit)` the last message, a piece, without the
   * count that promised more. Returns false when nothing is left.
   */
  finish(bytes: Buffer, at: number, limit: number): boolean {
    if (at >= limit) return false;
    let start = at;
    if (this.#owed === 0 && !this.#inLongLine && bytes[at]! > ZERO && isDigit(bytes[at]!)) {
      const body = countEnd(bytes, at, limit);
      if (body > 0 && body < limit) start = body;
    }
    this.#owed = 0;
    this.#inLongLine = false;
    this.#found(start, limit, true);
    return true;
  }

  #found(start: number, end: number, piece: boolean): void {
    this.start = start;
    this.end = end;
    this.piece = piece;
  }

  #counted(count: number, body: number, limit: number): number {
    if (count > this.#maxMessage) {
      if (limit - body < this.#maxMessage) return -1;
      this.#owed = count;
      return this.#owedPiece(body, limit);
    }
    const end = body + count;
    if (end > limit) return -1;
    this.#found(body, end, false);
    return end;
  }

  #owedPiece(at: number, limit: number): number {
    const length = Math.min(this.#owed, this.#maxMessage);
    if (limit - at < length) return -1;
    this.#owed -= length;
    this.#found(at, at + length, true);
    return at + length;
  }

  #line(bytes: Buffer, at: number, limit: number): number {
    // Buffer's indexOf is memchr: 23 to 50 ns a line where a loop takes 160. It may look past the limit into
    // bytes of earlier times; what it finds there does not count.
    const found = bytes.indexOf(LF, at);
    const feed = found < 0 || found >= limit ? limit : found;
    const piece = this.#inLongLine;
    if (feed - at > this.#maxMessage) {
      this.#inLongLine = true;
      this.#found(at, at + this.#maxMessage, true);
      return at + this.#maxMessage;
    }
    if (feed === limit) return -1;
    this.#inLongLine = false;
    this.#found(at, feed, piece);
    return feed + 1;
  }
}

/** The position behind an octet count and its space; 0 where it is no count, -1 where that cannot be told yet. */
function countEnd(bytes: Buffer, at: number, limit: number): number {
  let position = at;
  while (position < limit && isDigit(bytes[position]!)) {
    position++;
    if (position - at > MAX_COUNT_DIGITS) return 0;
  }
  if (position === limit) return -1;
  return bytes[position] === SPACE ? position + 1 : 0;
}

function readCount(bytes: Buffer, at: number, end: number): number {
  let count = 0;
  for (let position = at; position < end; position++) count = count * 10 + bytes[position]! - ZERO;
  return count;
}
