/** Which grammar a message follows. `unparsed` has no valid `<PRI>`: it is kept and counted, but nothing is known of it. */
export const Format = { unparsed: 0, rfc3164: 1, rfc5424: 2 } as const;

/** What RFC 3164 section 4.3.3 lets a receiver assume where there is no priority: user.notice. */
export const DEFAULT_PRIORITY = 13;

export const SEVERITIES = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const;

/**
 * One parsed message, as positions in the bytes it was parsed from. The parser fills the same object again for
 * every message, so parsing allocates nothing; who wants to keep a message writes it down (see EntryBlock).
 *
 * A field that is missing or NILVALUE ("-") is an empty range: start equals end.
 */
export class SyslogMessage {
  format: number = Format.unparsed;
  /** Facility * 8 + severity, 0 to 191. */
  priority: number = DEFAULT_PRIORITY;
  /** Microseconds since 1970 (RFC 5424 allows six digits of fraction), or NaN where the message carries no valid time. */
  time = Number.NaN;
  /** The zone the time was written in, in minutes east of UTC. 0 for RFC 3164, which names none. */
  zone = 0;
  hostStart = 0;
  hostEnd = 0;
  /** APP-NAME, or the TAG of RFC 3164. */
  appStart = 0;
  appEnd = 0;
  procStart = 0;
  procEnd = 0;
  idStart = 0;
  idEnd = 0;
  /** STRUCTURED-DATA with its brackets. */
  dataStart = 0;
  dataEnd = 0;
  /** The free text, behind a byte order mark if there is one. */
  textStart = 0;
  textEnd = 0;

  /** Back to "nothing known": everything is text. */
  reset(start: number, end: number): void {
    this.format = Format.unparsed;
    this.priority = DEFAULT_PRIORITY;
    this.time = Number.NaN;
    this.zone = 0;
    this.hostStart = this.hostEnd = start;
    this.appStart = this.appEnd = start;
    this.procStart = this.procEnd = start;
    this.idStart = this.idEnd = start;
    this.dataStart = this.dataEnd = start;
    this.textStart = start;
    this.textEnd = end;
  }
}
