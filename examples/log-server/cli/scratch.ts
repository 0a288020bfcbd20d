import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A temporary directory that is gone when the process is, be it by itself or by a signal. The archives of a comparison
 * are too large to be left behind.
 */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'log-server-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
  return directory;
}
