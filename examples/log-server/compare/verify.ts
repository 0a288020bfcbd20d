import { readFile, stat } from 'node:fs/promises';
import type { LogLines } from '../feed/log-lines.js';
import type { Workload } from '../feed/workload.js';
import { readArchive } from '../store/archive-reader.js';
import { readIndex } from '../store/index-record.js';

/**
 * Compares an archive with what was sent: every line must be there exactly as often as it was sent, byte for byte, and
 * nothing else. Throws where that is not so. Returns the number of messages.
 *
 * @param sent lines sent by each TCP stream of the workload, then over UDP
 */
export async function verifyMessages(
  path: string,
  log: LogLines,
  workload: Workload,
  sent: number[],
): Promise<number> {
  const missing = expected(log, workload, sent);
  const messages = await readArchive(path, (bytes, start, end) => {
    const line = bytes.toString('latin1', start, end);
    const left = missing.get(line);
    if (left === undefined) throw new Error(`the archive holds a line that was never sent: ${quote(line)}`);
    if (left === 0) throw new Error(`the archive holds a line more often than it was sent: ${quote(line)}`);
    missing.set(line, left - 1);
  });
  for (const [line, left] of missing) {
    if (left > 0) throw new Error(`the archive lacks a line that was sent, ${left} times: ${quote(line)}`);
  }
  return messages;
}

/** Checks that a closed archive's index accounts for every byte and every message. Throws where it does not. */
export async function verifyIndex(path: string, messages: number): Promise<void> {
  const records = readIndex(await readFile(path.replace(/\.log$/, '.index')));
  const { size } = await stat(path);
  let offset = 0;
  let count = 0;
  for (const record of records) {
    if (record.offset !== offset) throw new Error(`the index has a gap at ${offset}`);
    offset += record.byteLength;
    count += record.messages;
    const severities = record.severities.reduce((sum, number) => sum + number, 0);
    if (severities !== record.messages) throw new Error(`the index's severities do not add up at ${offset}`);
  }
  if (offset !== size) throw new Error(`the index covers ${offset} of ${size} bytes`);
  if (count !== messages) throw new Error(`the index counts ${count} of ${messages} messages`);
}

/** How often each distinct line was sent. latin1 maps bytes to characters one to one, so equal strings are equal bytes. */
function expected(log: LogLines, workload: Workload, sent: number[]): Map<string, number> {
  const counts = new Map<string, number>();
  [...workload.tcp.map(({ lines }) => lines), workload.udp].forEach((lines, index) => {
    const times = Math.floor((sent[index] ?? 0) / Math.max(1, lines.length));
    const rest = (sent[index] ?? 0) - times * lines.length;
    lines.forEach((line, position) => {
      const text = log.line(line).toString('latin1');
      counts.set(text, (counts.get(text) ?? 0) + times + (position < rest ? 1 : 0));
    });
  });
  return counts;
}

function quote(line: string): string {
  return JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line);
}
