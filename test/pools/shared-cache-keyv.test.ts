// superslab/keyv under the real Keyv and cacheable.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Cacheable } from 'cacheable';
import { Keyv } from 'keyv';
import { SharedCache } from 'superslab/files';
import { KeyvStore } from 'superslab/keyv';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { packageRoot } from '../support/child.js';
import { thrownBy } from '../support/expect-error.js';

let root = '';
let cache: SharedCache;
const errors: unknown[] = [];

beforeEach(() => {
  root = mkdtempSync('/dev/shm/superslab-test-');
  cache = SharedCache.open({ path: `${root}/cache`, maxBytes: 2 << 20 });
  errors.length = 0;
});

afterEach(() => {
  cache.close();
  rmSync(root, { recursive: true, force: true });
});

function keyv<Value = unknown>(options: object = {}): Keyv<Value> {
  const made = new Keyv<Value>({ store: new KeyvStore(cache), ...options });
  made.on('error', (error: unknown) => errors.push(error));
  return made;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('Keyv over a shared cache', () => {
  test('sets, gets, has and deletes values of all kinds', async () => {
    const store = keyv();
    const values = {
      text: 'ä 日本語 😀',
      '': '',
      number: 1.5,
      nothing: null,
      yes: true,
      list: [1, [2, { three: 3 }]],
      bytes: Buffer.from([0, 255, 128]),
    };
    for (const [key, value] of Object.entries(values)) expect(await store.set(key, value)).toBe(true);
    for (const [key, value] of Object.entries(values)) expect(await store.get(key)).toEqual(value);
    expect([await store.has('text'), await store.has('other')]).toEqual([true, false]);
    expect([await store.delete('text'), await store.delete('text')]).toEqual([true, false]);
    expect(await store.get('text')).toBeUndefined();
    expect(errors).toEqual([]);
  });

  test('keeps what can be cloned where Keyv does not serialize', async () => {
    const store = keyv({ serialize: undefined, deserialize: undefined });
    store.serialize = undefined;
    store.deserialize = undefined;
    const value = { map: new Map([['key', Buffer.from('bytes')]]), date: new Date(5), set: new Set([1n]) };
    await store.set('a', value);
    const found = (await store.get('a')) as typeof value;
    expect(found).toEqual(value);
    expect(Buffer.isBuffer(found.map.get('key'))).toBe(true);
    expect(await store.set('function', () => {})).toBe(false);
    expect(errors).toMatchObject([{ message: expect.stringContaining('could not be cloned') }]);
  });

  test('ends values by their time', async () => {
    const store = keyv({ ttl: 40 });
    await store.set('default', 1);
    await store.set('longer', 2, 60_000);
    await store.set('short', 3, 0.5);
    await pause(80);
    expect(await store.getMany(['default', 'longer', 'short'])).toEqual([undefined, 2, undefined]);
    // The cache, too, has let them go.
    expect([...cache.keys()]).toEqual(['keyv:longer']);
  });

  test('takes many at once', async () => {
    const store = keyv();
    const entries = [1, 2, 3].map((n) => ({ key: `key ${n}`, value: n }));
    await store.setMany(entries);
    expect(await store.getMany(['key 1', 'key 3', 'key 4'])).toEqual([1, 3, undefined]);
    expect(await store.hasMany(['key 1', 'key 4'])).toEqual([true, false]);
    expect(await store.deleteMany(['key 1', 'key 2'])).toBe(true);
    expect(await store.deleteMany(['key 1'])).toBe(false);
    expect(await store.get(['key 1', 'key 2', 'key 3'])).toEqual([undefined, undefined, 3]);
  });

  test('clears and lists one namespace, and leaves the others', async () => {
    const [users, pages] = [keyv({ namespace: 'users' }), keyv({ namespace: 'pages' })];
    cache.set('of the program', Buffer.from('bytes'));
    for (let i = 0; i < 50; i++) {
      await users.set(`user ${i}`, i);
      await pages.set(`page ${i}`, i);
    }
    const listed = async (store: Keyv<unknown>) => {
      const found: [string, unknown][] = [];
      for await (const entry of store.iterator!(store.namespace)) found.push(entry as never);
      return found.sort((a, b) => Number(a[1]) - Number(b[1]));
    };
    expect(await listed(users)).toEqual(Array.from({ length: 50 }, (_, i) => [`user ${i}`, i]));
    await users.clear();
    expect(await listed(users)).toEqual([]);
    expect(await listed(pages)).toHaveLength(50);
    expect(cache.get('of the program')?.toString()).toBe('bytes');
    await users.set('user 1', 'again');
    expect(await listed(users)).toEqual([['user 1', 'again']]);
  });

  test('counts, calls hooks and emits what goes wrong', async () => {
    const store = keyv({ stats: true });
    await store.set('a', 1);
    await store.get('a');
    await store.get('b');
    expect(store.stats).toMatchObject({ hits: 1, misses: 1, sets: 1 });
    expect(await store.set('long', 'x'.repeat(1 << 20))).toBe(false);
    expect(await store.set('k'.repeat(2000), 1)).toBe(false);
    expect(errors).toMatchObject([{ code: 'ERR_SUPERSLAB_SIZE' }, { code: 'ERR_SUPERSLAB_ARGUMENT' }]);
    // Something that is no value of ours is none.
    cache.set('keyv:foreign', Buffer.from([77, 1]));
    cache.set('keyv:empty', Buffer.alloc(0));
    expect(await store.getMany(['foreign', 'empty'])).toEqual([undefined, undefined]);
    expect(errors).toHaveLength(4);
  });

  test('closes what it has opened, and nothing else', async () => {
    await keyv().disconnect();
    expect(cache.closed).toBe(false);
    const own = new KeyvStore({ path: cache.path });
    const store = new Keyv({ store: own });
    await store.set('a', 1);
    expect(await keyv().get('a')).toBe(1);
    await store.disconnect();
    expect(own.cache.closed).toBe(true);
    thrownBy(() => new KeyvStore({ path: `${root}/none/cache` }), 'ERR_SUPERSLAB_FILE');
    thrownBy(() => new KeyvStore({ pth: cache.path } as never), 'ERR_SUPERSLAB_OPTION');
  });

  test('has what another process has set', async () => {
    const script = `
      import { Keyv } from 'keyv';
      import { KeyvStore } from 'superslab/keyv';
      const store = new Keyv({ store: new KeyvStore({ path: ${JSON.stringify(cache.path)} }), namespace: 'users' });
      await store.set('ada', { born: 1815 }, 60_000);
      process.stdout.write(String(await store.has('ada')));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: packageRoot,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(String(await new Promise((resolve) => child.stdout.once('data', resolve)))).toBe('true');
    expect(await keyv({ namespace: 'users' }).get('ada')).toEqual({ born: 1815 });
  });
});

describe('cacheable over a shared cache', () => {
  test('reads it behind its own memory, writes to both, and wraps functions', async () => {
    const one = new Cacheable({ secondary: keyv() });
    const other = new Cacheable({ secondary: keyv() });
    for (const cacheable of [one, other]) cacheable.on('error', (error: unknown) => errors.push(error));
    await one.set('a', { n: 1 }, '1m');
    expect(await other.get('a')).toEqual({ n: 1 });
    await one.setMany([
      { key: 'b', value: 2 },
      { key: 'c', value: 3 },
    ]);
    expect(await other.getMany(['b', 'c', 'd'])).toEqual([2, 3, undefined]);
    expect(await other.has('c')).toBe(true);
    expect(await one.delete('a')).toBe(true);
    expect(await new Cacheable({ secondary: keyv() }).get('a')).toBeUndefined();
    let calls = 0;
    const square = one.wrap(
      async (n: number) => {
        calls++;
        return n * n;
      },
      { ttl: '1m', keyPrefix: 'square' },
    );
    expect([await square(3), await square(3), calls]).toEqual([9, 9, 1]);
    await one.clear();
    expect([...cache.keys()]).toEqual([]);
    expect(errors).toEqual([]);
  });
});
