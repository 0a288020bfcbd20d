// A thread that is told to stop while it misuses buffers must not take the process with it.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ENDS_AFTER_LOOPS } from './support/child.js';

const program = fileURLToPath(new URL('fixtures/under-fire.mjs', import.meta.url));
const WORKERS = 12;

/** How the process ended, and what it said. */
const stopUnderFire = (kind: string) =>
  new Promise<{ end: unknown; said: string; stderr: string }>((resolve) => {
    const args = [ENDS_AFTER_LOOPS, program, kind, String(WORKERS)];
    execFile(process.execPath, args, { timeout: 50_000 }, (error, stdout, stderr) => {
      resolve({ end: error?.signal ?? error?.code ?? 0, said: stdout.trim(), stderr: stderr.slice(0, 2000) });
    });
  });

test.for([
  'doubleRelease',
  'foreignRelease',
  'badOptions',
  'pools',
  'overflow',
  'lateWrite',
  'shared',
  'fixedPools',
  'packetPools',
  'numaPools',
  'ranges',
  'recordPools',
  'generationalPools',
  'pressure',
  'compressedPools',
  'pageCaches',
  'mappedPools',
  'reading',
  'starting',
])('workers stopped in the midst of it leave the process alone: %s', { timeout: 60_000 }, async (kind) => {
  expect(await stopUnderFire(kind)).toEqual({ end: 0, said: 'survived 0 0', stderr: '' });
});
