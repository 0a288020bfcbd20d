// One facade a thread, however it is loaded.
import { createRequire } from 'node:module';
import { createContext, runInContext } from 'node:vm';
import superslab, * as imported from 'superslab';
import { expect, test } from 'vitest';
import { childJson } from './support/child.js';

const require = createRequire(import.meta.url);

test('import and require give the same objects', () => {
  const required = require('superslab') as typeof imported;
  expect(Object.keys(required).sort()).toEqual(Object.keys(imported).sort());
  for (const name of Object.keys(imported) as (keyof typeof imported)[]) {
    expect(required[name], name).toBe(imported[name]);
  }
  expect(required.default).toBe(superslab);
});

test('a buffer acquired by one is released by the other', () => {
  const required = require('superslab') as typeof imported;
  const buf = required.acquire(10);
  expect(buf).toBeInstanceOf(imported.PooledBuffer);
  imported.release(buf);
  expect(buf.released).toBe(true);
});

test('what is exported', () => {
  expect(Object.keys(imported).sort()).toEqual([
    'BufferPool',
    'PooledBuffer',
    'acquire',
    'alloc',
    'default',
    'release',
  ]);
  expect(require('superslab/package.json')).toMatchObject({ name: 'superslab' });
});

test('ArrayBuffers and typed arrays of another vm context are taken', () => {
  const context = createContext({});
  const foreign = runInContext('Uint8Array.of(1, 2, 3)', context) as Uint8Array;
  expect([...superslab.from(foreign)]).toEqual([1, 2, 3]);
  expect([...superslab.from(foreign.buffer as ArrayBuffer)]).toEqual([1, 2, 3]);
});

test('pooled buffers work in another vm context', () => {
  const buf = superslab.from('context');
  const context = createContext({ buf });
  expect(runInContext('buf.toString() + buf.length + new Uint8Array(buf).length', context)).toBe('context77');
  runInContext('buf.release()', context);
  expect(buf.released).toBe(true);
});

test('a second copy of the facade in one thread shares the heap, and neither breaks the other', async () => {
  const seen = await childJson(`
    import { createRequire } from 'node:module';
    const require = createRequire(process.cwd() + '/');
    const first = require('superslab');
    for (const file of Object.keys(require.cache)) if (!file.endsWith('.node')) delete require.cache[file];
    const second = require('superslab');
    const bufs = [first, second].flatMap(({ acquire }) => [100, 5000, 3 << 20].map((size) => acquire(size)));
    bufs.forEach((buf, i) => buf.fill(i + 1));
    const right = bufs.every((buf, i) => buf.every((byte) => byte === i + 1));
    let code;
    try { first.release(bufs[3]); } catch (error) { code = error.code; }
    const token = first.default.share(bufs[0]);
    const adopted = second.default.adopt(token);
    const inUse = second.default.stats().inUseBytes;
    for (const buf of [...bufs, adopted]) buf.release();
    console.log(JSON.stringify({
      differs: first.BufferPool !== second.BufferPool, right, code, same: adopted[0],
      inUse: [inUse === first.default.stats().inUseBytes, first.default.stats().inUseBytes],
    }));`);
  expect(seen).toEqual({
    differs: true,
    right: true,
    code: 'ERR_SUPERSLAB_FOREIGN',
    same: 1,
    inUse: [false, 0],
  });
});
