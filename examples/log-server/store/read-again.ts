import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Memory } from '../memory/memory.js';
import { ReceiveBuffer } from '../receive/receive-buffer.js';
import { SyslogParser } from '../syslog/parser.js';
import { readArchive } from './archive-reader.js';
import type { EntryAppender } from './find-entries.js';

const BUFFER_BYTES = 256 * 1024;

/** Fills `entries` from the archives of a directory, in the order of their names: what a server does that has nothing else left. */
export async function readAgain(directory: string, memory: Memory, entries: EntryAppender): Promise<void> {
  await mkdir(directory, { recursive: true });
  const parser = new SyslogParser();
  let buffer = new ReceiveBuffer(memory, BUFFER_BYTES);
  const received = Date.now();
  for (const name of (await readdir(directory)).filter((file) => file.endsWith('.log')).sort()) {
    await readArchive(join(directory, name), (bytes, start, end) => {
      const length = end - start;
      if (length > buffer.room) {
        buffer.release();
        buffer = new ReceiveBuffer(memory, Math.max(BUFFER_BYTES, length));
      }
      const at = buffer.filled;
      bytes.copy(buffer.bytes, at, start, end);
      buffer.filled += length;
      entries.append(buffer, at, at + length, parser.parse(buffer.bytes, at, at + length), received);
    });
  }
  buffer.release();
}
