import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { lockFaults } from '../scripts/check-locks.mjs';
import { because, missingTool } from './support/tools.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'superslab-locks-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const missing = missingTool('clang++', 'clang');

/** What the analysis says of a class with a guarded count, whose function `body` is. */
async function faultsOf(body: string, attribute = ''): Promise<string> {
  const file = path.join(folder, 'sample.cc');
  writeFileSync(
    file,
    `#include "base/lock.h"
    struct Sample {
      int count() ${attribute} { ${body} }
      superslab::Mutex lock_{superslab::LockRank::kHeap};
      int count_ GUARDED_BY(lock_) = 0;
    };
    int use(Sample& sample) { return sample.count(); }`,
  );
  return lockFaults([file]);
}

describe.skipIf(missing)(`locks${because(missing)}`, () => {
  test('what a lock guards may be read with the lock held', async () => {
    expect(await faultsOf('superslab::LockGuard guard(lock_); return count_;')).toBe('');
  });

  test('and not without it', async () => {
    expect(await faultsOf('return count_;')).toMatch(
      /sample\.cc:3:.*reading variable 'count_' requires holding mutex 'lock_'/,
    );
  });

  test('a function that requires the lock is not called without it', async () => {
    expect(await faultsOf('return count_;', 'REQUIRES(lock_)')).toMatch(
      /calling function 'count' requires holding mutex 'sample\.lock_'/,
    );
  });

  test('a lock that is taken is released', async () => {
    expect(await faultsOf('lock_.lock(); return count_;')).toMatch(
      /mutex 'lock_' is still held at the end of function/,
    );
  });
});
