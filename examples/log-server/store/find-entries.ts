import type { ReceiveBuffer } from '../receive/receive-buffer.js';
import type { SyslogMessage } from '../syslog/message.js';
import type { Entry } from './entry.js';

export interface EntryFilter {
  /** At most this many, the newest first. */
  count: number;
  /** This severity or worse (lower). */
  severity: number;
  host?: string;
  app?: string;
}

/** Entries in order of their coming, wherever they lie. */
export interface EntryList {
  readonly length: number;
  severity(record: number): number;
  read(record: number): Entry;
}

/** The newest entries that are kept, for whoever wants to see what is going on now. */
export interface Entries {
  readonly length: number;
  /** Memory that they take, in bytes. */
  readonly heldBytes: number;
  /** Entries that match, the newest first. */
  find(filter: EntryFilter): Entry[];
  /** Gives the memory back. */
  release(): void;
}

/** The same, for whoever receives them. */
export interface EntryAppender extends Entries {
  /** Takes a message that was parsed in `buffer[start, end)`. */
  append(buffer: ReceiveBuffer, start: number, end: number, message: SyslogMessage, received: number): void;
}

/** Adds what matches of one list, the newest first. Whether more is wanted. */
export function findIn(list: EntryList, filter: EntryFilter, found: Entry[]): boolean {
  for (let record = list.length - 1; record >= 0; record--) {
    if (found.length >= filter.count) return false;
    if (list.severity(record) > filter.severity) continue;
    const entry = list.read(record);
    if (filter.host !== undefined && entry.host !== filter.host) continue;
    if (filter.app !== undefined && entry.app !== filter.app) continue;
    found.push(entry);
  }
  return found.length < filter.count;
}
