// Files of pages for tests of page caches.
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { folder } from './mapped-files.js';

let made = 0;

/** A new file of so many pages of zeros, without space behind them. */
export function pageFile(pages: number, pageSize = 4096): string {
  const path = `${folder()}/pages-${++made}`;
  const file = openSync(path, 'w', 0o600);
  ftruncateSync(file, pages * pageSize);
  closeSync(file);
  return path;
}

/** Pages that begin with their numbers. */
export function numberedPages(pages: number, pageSize = 4096): Buffer {
  const bytes = Buffer.alloc(pages * pageSize);
  for (let no = 0; no < pages; no++) bytes.writeUInt32LE(no, no * pageSize);
  return bytes;
}

/** A new file of such pages. */
export function numberedFile(pages: number, pageSize = 4096): string {
  const path = pageFile(0);
  const file = openSync(path, 'w', 0o600);
  writeSync(file, numberedPages(pages, pageSize));
  closeSync(file);
  return path;
}
