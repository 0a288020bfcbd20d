import { expect, test } from 'vitest';
import { lockfileFaults } from '../scripts/check-lockfile.mjs';

const lock = (entry: object) => ({ packages: { 'node_modules/a': { version: '1.0.0', ...entry } } });

test('versions and hashes alone are no fault', () => {
  expect(lockfileFaults(lock({ integrity: 'sha512-x', dependencies: { b: '~1.2.0' } }))).toEqual([]);
});

test('an address to download from is a fault', () => {
  const [fault] = lockfileFaults(lock({ resolved: 'https://registry.invalid/a.tgz' }));
  expect(fault).toContain('node_modules/a: "resolved"');
});

test('a dependency by file or address is a fault', () => {
  const faults = lockfileFaults(lock({ dependencies: { b: 'file:../b', c: 'git+ssh://host.invalid/c' } }));
  expect(faults).toHaveLength(2);
});

test('an optional dependency without an entry is a fault, as npm ci refuses it', () => {
  expect(lockfileFaults(lock({ optionalDependencies: { 'a-linux': '1.0.0' } }))).toHaveLength(1);
});
