// Folders for files of MappedPools: in the working tree, since a temporary folder may be a tmpfs, which hides what disks do.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach } from 'vitest';
import { packageRoot } from '../support/child.js';

const folders: string[] = [];

/** A new folder, which is removed after the test. */
export function folder(): string {
  const parent = path.join(packageRoot, 'build');
  mkdirSync(parent, { recursive: true });
  const made = mkdtempSync(path.join(parent, 'mapped-'));
  folders.push(made);
  return made;
}

afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
});
