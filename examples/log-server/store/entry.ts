import type { Format } from '../syslog/message.js';

/** A parsed entry as readers get it. Fields that the message does not have are empty. */
export interface Entry {
  format: keyof typeof Format;
  facility: number;
  /** 0 (emergency) to 7 (debug) */
  severity: number;
  /** What the sender says: microseconds since 1970, or NaN. */
  time: number;
  /** Minutes east of UTC. */
  zone: number;
  /** When it came in: milliseconds since 1970. */
  received: number;
  host: string;
  app: string;
  proc: string;
  id: string;
  /** Structured data as written, see readStructuredData. */
  data: string;
  text: string;
}
