import { Format, type SyslogMessage } from '../syslog/message.js';

/** What the archive's index knows about a block of messages. */
export class BlockStats {
  offset = 0;
  byteLength = 0;
  messages = 0;
  unparsed = 0;
  /** Earliest and latest time that senders gave, microseconds since 1970; infinite where none did. */
  minTime = Number.POSITIVE_INFINITY;
  maxTime = Number.NEGATIVE_INFINITY;
  readonly severities = new Uint32Array(8);

  count(message: SyslogMessage): void {
    this.messages++;
    if (message.format === Format.unparsed) this.unparsed++;
    // Comparisons with NaN are false: a message without a time moves no bound.
    if (message.time < this.minTime) this.minTime = message.time;
    if (message.time > this.maxTime) this.maxTime = message.time;
    this.severities[message.priority & 7]!++;
  }

  /** Starts the next block, at `offset`. */
  reset(offset: number): void {
    this.offset = offset;
    this.byteLength = 0;
    this.messages = 0;
    this.unparsed = 0;
    this.minTime = Number.POSITIVE_INFINITY;
    this.maxTime = Number.NEGATIVE_INFINITY;
    this.severities.fill(0);
  }
}
