// Whether an output is older than what it is made from is decided by content: a checkout or a copy changes
// times, not bytes.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { at } from './paths.mjs';

/** One hash over the names and contents of `files` and over `facts` (versions, flags). */
export function digest(files, facts = []) {
  const hash = createHash('sha256');
  for (const fact of facts) hash.update(`${fact}\0`);
  for (const file of files) {
    hash.update(`${file}\0`);
    hash.update(existsSync(at(file)) ? readFileSync(at(file)) : 'absent');
    hash.update('\0');
  }
  return hash.digest('hex');
}

/** Whether `file` holds `value`, that is, whether the last build was made from the same inputs. */
export const isStamped = (file, value) => existsSync(at(file)) && readFileSync(at(file), 'utf8') === value;

export function stamp(file, value) {
  mkdirSync(dirname(at(file)), { recursive: true });
  writeFileSync(at(file), value);
}

export const unstamp = (file) => rmSync(at(file), { force: true });
