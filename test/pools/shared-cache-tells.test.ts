// What a SharedCache tells: leaks with the stacks of who pinned, messages of its file, alerts, advice; its keys and versions of tags.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { type FileMessage, SharedCache, type SharedCacheOptions } from 'superslab/files';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../support/collect.js';
import { thrownBy } from '../support/expect-error.js';

let root = '';
const caches: SharedCache[] = [];

beforeEach(() => {
  root = mkdtempSync('/dev/shm/superslab-test-');
});

afterEach(() => {
  for (const cache of caches.splice(0)) cache.close();
  rmSync(root, { recursive: true, force: true });
});

function open(options: Partial<SharedCacheOptions> = {}): SharedCache {
  const cache = SharedCache.open({
    path: `${root}/cache`,
    maxBytes: 2 << 20,
    leakDetection: 'off',
    guard: 'off',
    ...options,
  });
  caches.push(cache);
  return cache;
}

function messagesOf(act: () => void): FileMessage[] {
  const told: FileMessage[] = [];
  const listener = (message: unknown) => told.push(message as FileMessage);
  subscribe('superslab:file', listener);
  try {
    act();
  } finally {
    unsubscribe('superslab:file', listener);
  }
  return told;
}

describe('pages that are watched', () => {
  test('are reported with the stack of who pinned them when nobody has them any more, and given back', async () => {
    const cache = open({ name: 'watched', leakDetection: 'full' });
    cache.set('a', Buffer.from('value'));
    for (let i = 0; i < 8; i++) cache.get('a');
    const events: { pool: string; stack: string; what: string }[] = [];
    cache.on('leak', (leak) => events.push(leak as never));
    const views: Uint8Array[] = [];
    (function forgetful() {
      cache.pin('a');
    })();
    (function careful() {
      views.push(cache.pin('a')!.buffer.subarray(1, 3));
    })();
    cache.pin('a')!.release();
    expect(cache.stats().objects?.inUse).toBe(2);
    await collect(() => events.length > 0);
    expect(events).toMatchObject([{ pool: 'watched', stack: expect.stringContaining('forgetful') }]);
    // The program's own frames come first.
    expect(events[0]!.stack.split('\n')[0]).toContain('forgetful');
    expect(cache.leaks()).toMatchObject([{ count: 1, stack: expect.stringContaining('forgetful') }]);
    expect(cache.pinnedKeys()).toEqual(['a']);
    // A view of it is enough to keep a page.
    expect(String(views[0])).toBe('al');
    views.pop();
    await collect(() => events.length > 1);
    expect(cache.pinnedKeys()).toEqual([]);
    expect(cache.stats().objects?.inUse).toBe(0);
  });

  test.each(['off', 'detach', 'canary'] as const)('are pages like others, guard %s', (guard) => {
    const cache = open({ leakDetection: 'full', guard });
    cache.set('a', Buffer.from('value'));
    cache.set('empty', Buffer.alloc(0));
    const [one, other] = [cache.pin('a')!, cache.pin('a')!];
    expect(one).not.toBe(other);
    cache.set('a', Buffer.from('later'));
    expect([String(one.buffer), one.isCurrent, String(cache.get('a'))]).toEqual(['value', false, 'later']);
    one.release();
    if (guard === 'detach') expect(one.buffer.length).toBe(0);
    expect([one.released, other.released]).toEqual([true, false]);
    thrownBy(() => one.release(), 'ERR_SUPERSLAB_RELEASED');
    other.release();
    expect(cache.pin('empty')!.buffer.length).toBe(0);
    expect(cache.pinnedKeys()).toEqual(['empty']);
    for (let i = 0; i < 1000; i++) cache.pin('a')!.release();
    expect(cache.leaks()).toEqual([]);
  });

  test('all of them: as many as without', () => {
    const cache = open({ leakDetection: 'full' });
    const pages = Array.from({ length: 446 }, (_, i) => {
      cache.set(`key ${i}`, Buffer.from(`${i}`));
      return cache.pin(`key ${i}`)!;
    });
    expect(pages.every(({ buffer }, i) => String(buffer) === `${i}`)).toBe(true);
    cache.close();
    expect(pages.every(({ released }) => released)).toBe(true);
  });
});

describe('messages of the file', () => {
  test('tell when it is opened, refused and closed', () => {
    const told = messagesOf(() => {
      open({ name: 'told' }).close();
      thrownBy(() => open({ path: root }), 'ERR_SUPERSLAB_FILE');
    });
    expect(told).toMatchObject([
      { event: 'open', pool: 'told', path: `${root}/cache`, errno: '', bytes: 2 << 20 },
      { event: 'close', pool: 'told' },
      { event: 'refuse', path: root, code: 'ERR_SUPERSLAB_FILE' },
    ]);
    expect(told[0]!.durationNs).toBeGreaterThan(0);
  });

  test('tell once that it has failed', () => {
    const cache = open({ name: 'cut' });
    const told = messagesOf(() => {
      truncateSync(cache.path, 0);
      for (let i = 0; i < 3; i++)
        thrownBy(() => cache.set('a', Buffer.alloc(100)), 'ERR_SUPERSLAB_FILE_FAILED');
    });
    expect(told).toMatchObject([{ event: 'fail', pool: 'cut', code: 'ERR_SUPERSLAB_FILE_FAILED' }]);
  });
});

test('values that are refused too often are told by advice', () => {
  const cache = open();
  const long = Buffer.alloc(350_000);
  for (let i = 0; i < 1000; i++) cache.set('a', Buffer.alloc(10));
  expect(cache.advice()).toEqual([]);
  // What is pinned leaves no room.
  const pages = [];
  for (let i = 0; i < 8; i++) if (cache.set(`long ${i}`, long)) pages.push(cache.pin(`long ${i}`)!);
  expect(cache.stats().cache.refusals).toBeGreaterThan(1);
  expect(cache.advice()).toMatchObject([{ id: 'cacheRefusals', severity: 'act' }]);
  for (const page of pages) page.release();
});

test('all keys are listed once, while others come and go', () => {
  const cache = open({ maxBytes: 64 << 20 });
  expect([...cache.keys()]).toEqual([]);
  const keys = Array.from({ length: 3000 }, (_, i) => `key ${i} ä`);
  for (const key of keys) cache.set(key, Buffer.alloc(20));
  cache.set('over', Buffer.alloc(1), { ttlMs: 1 });
  cache.set('tagged', Buffer.alloc(1), { tags: ['x'] });
  cache.deleteTag('x');
  const until = performance.now() + 5;
  while (performance.now() < until);
  expect([...cache.keys()].sort()).toEqual([...keys].sort());
  const listed: string[] = [];
  for (const key of cache.keys()) {
    listed.push(key);
    const n = listed.length;
    cache.set(keys[n % 3000]!, Buffer.alloc(n % 100));
    cache.set(`new ${n}`, Buffer.alloc(10));
  }
  const olds = listed.filter((key) => key.startsWith('key'));
  expect(olds.sort()).toEqual([...keys].sort());
  cache.clear();
  expect([...cache.keys()]).toEqual([]);
  cache.close();
  thrownBy(() => [...cache.keys()], 'ERR_SUPERSLAB_CLOSED');
});

test('versions of tags tell what is out of date', () => {
  const [one, other] = [open(), open()];
  const before = one.tagVersion();
  expect(one.tagVersion('x')).toBeLessThanOrEqual(before);
  other.deleteTag('x');
  expect(one.tagVersion('x')).toBeGreaterThan(before);
  expect(one.tagVersion('y')).toBeLessThanOrEqual(before);
  expect(one.tagVersion('x')).toBe(one.tagVersion());
  for (const wrong of [1, null, {}]) thrownBy(() => one.tagVersion(wrong as never), 'ERR_SUPERSLAB_ARGUMENT');
});
