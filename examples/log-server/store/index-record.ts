import type { BlockStats } from './block-stats.js';

/** First bytes of an index file; the digit is the version of the format. */
export const INDEX_MAGIC = Buffer.from('SLOGIDX1');

/**
 * A block of the archive in its index, little endian:
 * offset f64, byte length f64, earliest time f64, latest time f64, messages u32, unparsed u32, messages by severity u32[8], zeros.
 */
export const INDEX_RECORD_BYTES = 128;

const SEVERITIES_AT = 40;

export interface IndexRecord {
  offset: number;
  byteLength: number;
  minTime: number;
  maxTime: number;
  messages: number;
  unparsed: number;
  severities: number[];
}

export function writeIndexRecord(page: Buffer, at: number, stats: BlockStats): void {
  page.fill(0, at, at + INDEX_RECORD_BYTES);
  page.writeDoubleLE(stats.offset, at);
  page.writeDoubleLE(stats.byteLength, at + 8);
  page.writeDoubleLE(stats.minTime, at + 16);
  page.writeDoubleLE(stats.maxTime, at + 24);
  page.writeUInt32LE(stats.messages, at + 32);
  page.writeUInt32LE(stats.unparsed, at + 36);
  for (let severity = 0; severity < 8; severity++) {
    page.writeUInt32LE(stats.severities[severity]!, at + SEVERITIES_AT + severity * 4);
  }
}

/** Reads a whole index file. Throws where it is not one. */
export function readIndex(file: Buffer): IndexRecord[] {
  if (!file.subarray(0, INDEX_MAGIC.length).equals(INDEX_MAGIC)) throw new Error('not an archive index');
  const records: IndexRecord[] = [];
  for (let at = INDEX_MAGIC.length; at + INDEX_RECORD_BYTES <= file.length; at += INDEX_RECORD_BYTES) {
    records.push(readIndexRecord(file, at));
  }
  return records;
}

export function readIndexRecord(page: Buffer, at: number): IndexRecord {
  return {
    offset: page.readDoubleLE(at),
    byteLength: page.readDoubleLE(at + 8),
    minTime: page.readDoubleLE(at + 16),
    maxTime: page.readDoubleLE(at + 24),
    messages: page.readUInt32LE(at + 32),
    unparsed: page.readUInt32LE(at + 36),
    severities: Array.from({ length: 8 }, (_, severity) =>
      page.readUInt32LE(at + SEVERITIES_AT + severity * 4),
    ),
  };
}
