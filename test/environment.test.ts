// SUPERSLAB_* variables and the report at exit: each in a process of its own.
import { describe, expect, test } from 'vitest';
import { blockBytes } from './support/block-bytes.js';
import { childJson, runChild } from './support/child.js';
import { internal } from './support/internal.js';

const { bytes } = internal<typeof import('../lib/base/text.js')>('base/text');

// By require(): in Node 20 an import() of CommonJS that throws ends the process, caught or not.
const load = `
  import { createRequire } from 'node:module';
  try {
    createRequire(process.cwd() + '/')('superslab');
    console.log(JSON.stringify({ loaded: true }));
  } catch (error) {
    console.log(JSON.stringify({ name: error.name, code: error.code, message: error.message }));
  }`;

test('variables of a service that is called superslab are left alone', async () => {
  const env = {
    SUPERSLAB_SERVICE_HOST: '10.96.0.17',
    SUPERSLAB_SERVICE_PORT: '80',
    SUPERSLAB_SERVICE_PORT_HTTP: '80',
    SUPERSLAB_PORT: 'tcp://10.96.0.17:80',
    SUPERSLAB_PORT_80_TCP: 'tcp://10.96.0.17:80',
    SUPERSLAB_PORT_80_TCP_PROTO: 'tcp',
    SUPERSLAB_PORT_80_TCP_ADDR: '10.96.0.17',
    SUPERSLAB_NAME: '/web/superslab',
    SUPERSLAB_ENV_PATH: '/bin',
  };
  expect(await childJson(load, { env })).toEqual({ loaded: true });
  expect(await childJson(load, { env: { ...env, SUPERSLAB_PORT: '80' } })).toMatchObject({
    code: 'ERR_SUPERSLAB_ENV',
    message: expect.stringContaining('SUPERSLAB_PORT'),
  });
});

describe('wrong variables', () => {
  test.for<[Record<string, string>, string[]]>([
    [
      { SUPERSLAB_MAX_BYTE: '1m' },
      ['Unknown environment variable SUPERSLAB_MAX_BYTE: did you mean SUPERSLAB_MAX_BYTES?'],
    ],
    [{ SUPERSLAB_HUGEPAGES: 'off' }, ['SUPERSLAB_HUGEPAGES', 'did you mean SUPERSLAB_HUGE_PAGES?']],
    [{ SUPERSLAB_QQQQQQQQ: '1' }, ['SUPERSLAB_QQQQQQQQ', 'there are SUPERSLAB_PROFILE']],
    [{ SUPERSLAB_MAX_BYTES: 'lots' }, ['SUPERSLAB_MAX_BYTES', '"lots"', '64k, 2m, 1g']],
    [{ SUPERSLAB_MAX_BYTES: '-5' }, ['SUPERSLAB_MAX_BYTES', '"-5"']],
    [{ SUPERSLAB_MAX_BYTES: '' }, ['SUPERSLAB_MAX_BYTES is empty']],
    [{ SUPERSLAB_ZERO: 'aquire' }, ['SUPERSLAB_ZERO', '"aquire"', 'did you mean "acquire"?']],
    [{ SUPERSLAB_PROFILE: 'fast' }, ['SUPERSLAB_PROFILE', '"fast"', 'throughput, balanced, low-memory']],
    [{ SUPERSLAB_STATS: 'maybe' }, ['SUPERSLAB_STATS', '"maybe"', 'give 0 or 1']],
    [{ SUPERSLAB_NUMA: '1000' }, ['SUPERSLAB_NUMA', '1000']],
    [{ SUPERSLAB_CACHE_BLOCKS: '0' }, ['SUPERSLAB_CACHE_BLOCKS', '"0"', 'out of range']],
    [{ SUPERSLAB_PURGE_DELAY_MS: '1.5' }, ['SUPERSLAB_PURGE_DELAY_MS', '"1.5"', 'whole number']],
  ])('%o', async ([env, shown]) => {
    const error = await childJson(load, { env });
    expect(error.code).toBe('ERR_SUPERSLAB_ENV');
    for (const part of shown) expect(error.message).toContain(part);
  });

  test('a worker says the same as the main thread', async () => {
    const error = await childJson(
      `
      import { Worker } from 'node:worker_threads';
      const worker = new Worker(
        "try { require('superslab'); } catch (error) { require('node:worker_threads').parentPort.postMessage(error.code); }",
        { eval: true, execArgv: [] });
      worker.on('message', (code) => console.log(JSON.stringify({ code })));`,
      { env: { SUPERSLAB_ZERO: 'x' } },
    );
    expect(error.code).toBe('ERR_SUPERSLAB_ENV');
  });
});

describe('right variables', () => {
  const behaviour = `
    import superslab, { BufferPool } from 'superslab';
    const pool = new BufferPool(globalThis.options ?? {});
    const dirty = pool.acquire(100).fill(7);
    dirty.release();
    const clearedAtRelease = dirty[0] === 0;
    const clearedAtAcquire = pool.acquire(100)[0] === 0 && !clearedAtRelease;
    console.log(JSON.stringify({
      maxBytes: [superslab.stats().maxBytes, pool.stats().maxBytes], clearedAtRelease, clearedAtAcquire }));`;

  test('sizes have units, and hold for the default pool and others', async () => {
    for (const [text, bytes] of [
      ['64k', 65_536],
      ['2m', 2 << 20],
      ['1g', 1 << 30],
      ['123456', 123_456],
    ]) {
      const seen = await childJson(behaviour, { env: { SUPERSLAB_MAX_BYTES: `${text}` } });
      expect(seen.maxBytes).toEqual([bytes, bytes]);
    }
  });

  test('SUPERSLAB_ZERO clears', async () => {
    expect(await childJson(behaviour, { env: { SUPERSLAB_ZERO: 'release' } })).toMatchObject({
      clearedAtRelease: true,
    });
    expect(await childJson(behaviour, { env: { SUPERSLAB_ZERO: 'acquire' } })).toMatchObject({
      clearedAtAcquire: true,
    });
  });

  test('options win over variables', async () => {
    const script = behaviour.replace('globalThis.options ?? {}', "{ maxBytes: '3m', zero: 'never' }");
    const seen = await childJson(script, { env: { SUPERSLAB_MAX_BYTES: '2m', SUPERSLAB_ZERO: 'acquire' } });
    expect(seen).toEqual({ maxBytes: [2 << 20, 3 << 20], clearedAtRelease: false, clearedAtAcquire: false });
  });

  test.for([
    { SUPERSLAB_PROFILE: 'throughput' },
    { SUPERSLAB_PROFILE: 'low-memory' },
    { SUPERSLAB_HUGE_PAGES: 'off' },
    { SUPERSLAB_HUGE_PAGES: '2mb' },
    { SUPERSLAB_HUGE_PAGES: '1gb' },
    { SUPERSLAB_POPULATE: 'off' },
    { SUPERSLAB_POPULATE: 'superslab' },
    { SUPERSLAB_NUMA: 'interleave' },
    { SUPERSLAB_NUMA: '0' },
    { SUPERSLAB_PURGE_DELAY_MS: '0' },
    { SUPERSLAB_BIG_CACHE_BYTES: '0' },
    { SUPERSLAB_BIG_CACHE_AGE_MS: '0' },
    { SUPERSLAB_CACHE_BLOCKS: '1' },
    { SUPERSLAB_CACHE_BYTES: '0' },
    { SUPERSLAB_ON_EXHAUSTED: 'wait', SUPERSLAB_WAIT_MS: '0' },
  ] as Record<string, string>[])('%o: buffers of all sizes keep their contents', async (env) => {
    const seen = await childJson(
      `
      import superslab from 'superslab';
      let wrong = 0;
      for (let round = 0; round < 3; round++) {
        const bufs = [];
        for (let size = 1, i = 1; size < 12e6; size = Math.ceil(size * 1.7), i++) {
          bufs.push(superslab.acquire(size).fill(i & 255), superslab.acquire(size).fill((i + 128) & 255));
        }
        for (let i = 0; i < bufs.length; i++) {
          const wanted = ((i >> 1) + 1 + (i & 1) * 128) & 255;
          for (let at = 0; at < bufs[i].length; at += Math.max(bufs[i].length >> 6, 1)) wrong += bufs[i][at] !== wanted;
        }
        for (const buf of bufs) buf.release();
        superslab.trim();
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      const { inUseBytes, doubleFrees } = superslab.stats();
      console.log(JSON.stringify({ wrong, inUseBytes, doubleFrees }));`,
      { env },
    );
    expect(seen).toEqual({ wrong: 0, inUseBytes: 0, doubleFrees: 0 });
  });
});

describe('SUPERSLAB_STATS', () => {
  const script = `
    import superslab, { BufferPool } from 'superslab';
    superslab.acquire(1000);
    const pool = new BufferPool({ name: 'second' });
    pool.acquire(100).release();
    globalThis.kept = pool;`;

  test('1 prints each open pool at exit, to standard error', async () => {
    const { code, stdout, stderr } = await runChild(script, { env: { SUPERSLAB_STATS: '1' } });
    expect(code).toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain('superslab pool "default"');
    expect(stderr).toContain('superslab pool "second"');
    expect(stderr).toContain(`in use ${bytes(blockBytes(1000))}`);
    expect(stderr).toMatch(/1 acquires, 0 releases/);
  });

  test('0 and nothing print nothing', async () => {
    for (const env of [{}, { SUPERSLAB_STATS: '0' }] as Record<string, string>[]) {
      expect(await runChild(script, { env })).toMatchObject({ code: 0, stdout: '', stderr: '' });
    }
  });

  test('the report is printed after process.exit() too', async () => {
    const { code, stderr } = await runChild(`${script}; process.exit(3)`, { env: { SUPERSLAB_STATS: '1' } });
    expect(code).toBe(3);
    expect(stderr).toContain('superslab pool "default"');
  });
});
