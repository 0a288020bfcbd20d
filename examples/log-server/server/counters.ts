/** What a server has received since it started. */
export interface Counters {
  messages: number;
  rfc5424: number;
  rfc3164: number;
  /** Messages that are not syslog. They are archived as they are. */
  unparsed: number;
  /** Messages that lost their framing: parts of one that was too long, and the unfinished last one of a connection. */
  pieces: number;
}

export function zeroCounters(): Counters {
  return { messages: 0, rfc5424: 0, rfc3164: 0, unparsed: 0, pieces: 0 };
}
