// SharedCache among real processes: nobody ever sees half a value, and nobody waits for one that died or was stopped.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { SharedCache } from 'superslab/files';
import { afterEach, describe, expect, test } from 'vitest';
import { packageRoot } from '../support/child.js';

const MIB = 2 ** 20;
/** How many processes are killed; more by TEST_KILLS. */
const KILLS = Number(process.env.TEST_KILLS ?? 50);

const children = new Set<ChildProcess>();
let root = '';

afterEach(async () => {
  await Promise.all([...children].map(kill));
  rmSync(root, { recursive: true, force: true });
});

function open(maxBytes = 2 * MIB): SharedCache {
  root = mkdtempSync('/dev/shm/superslab-test-');
  return SharedCache.open({ path: path.join(root, 'cache'), maxBytes });
}

/** Timers of 100 ms and more never ring, so that nobody learns of anything by looking again after a while. */
const WITHOUT_LOOKS = `data:text/javascript,${encodeURIComponent(`
  import timers from 'node:timers';
  import { syncBuiltinESMExports } from 'node:module';
  const { setTimeout } = timers;
  timers.setTimeout = (run, ms) => setTimeout(run, ms < 100 ? ms : 2 ** 30);
  syncBuiltinESMExports();`)}`;

/** A process that has `cache` open and runs `script`. */
function start(cache: SharedCache, script: string, ...nodeArguments: string[]): ChildProcess {
  const program = `
    import { SharedCache } from 'superslab/files';
    const cache = SharedCache.open({ path: ${JSON.stringify(cache.path)} });
    const say = (text) => process.stdout.write(text + '\\n');
    ${script}`;
  const child = spawn(process.execPath, [...nodeArguments, '--input-type=module', '-e', program], {
    cwd: packageRoot,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.add(child);
  return child;
}

/** The next line that it says. */
const heard = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    child.stdout!.once('data', (text) => resolve(String(text).trim()));
    child.once('exit', (code, signal) => reject(new Error(`exit ${code ?? signal}`)));
  });

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.once('exit', resolve);
  });

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await ended(child);
  children.delete(child);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Stores, reads, pins and deletes for ever. Ends with 3 when it sees a value that is not of one piece. */
const WORK = `
  const target = Buffer.alloc(8192);
  const pages = [];
  const isWhole = (bytes) => bytes.length > 0 && bytes.equals(Buffer.alloc(bytes.length, bytes[0]));
  const check = (bytes) => { if (!isWhole(bytes)) process.exit(3); };
  say('ready');
  for (let n = 0; ; n++) {
    const key = 'key ' + Math.floor(Math.random() * 300);
    const what = Math.random();
    if (what < 0.4) cache.set(key, Buffer.alloc(1 + Math.floor(Math.random() * 8000), n));
    else if (what < 0.45) cache.delete(key);
    else if (what < 0.65) { const value = cache.get(key); if (value) check(value); }
    else if (what < 0.85) { const length = cache.getInto(key, target); if (length >= 0) check(target.subarray(0, length)); }
    else {
      const page = cache.pin(key);
      if (page) { check(page.buffer); pages.push(page); }
      if (pages.length > 20) { const old = pages.shift(); check(old.buffer); old.release(); }
    }
  }`;

test(`${KILLS} processes are killed at work, and the cache stays whole`, {
  timeout: 30_000 + KILLS * 1500,
}, async () => {
  using cache = open();
  const workers = [start(cache, WORK), start(cache, WORK), start(cache, WORK)];
  await Promise.all(workers.map(heard));
  const isWhole = (bytes: Buffer) => bytes.equals(Buffer.alloc(bytes.length, bytes[0]));
  for (let round = 0; round < KILLS; round++) {
    const place = round % workers.length;
    const next = start(cache, WORK);
    await heard(next);
    const until = Date.now() + ((round * 7) % 30);
    do {
      const key = `key ${Math.floor(Math.random() * 300)}`;
      const value = cache.get(key);
      if (value !== undefined) expect(isWhole(value)).toBe(true);
      cache.set(key, Buffer.alloc(1 + Math.floor(Math.random() * 8000), round));
    } while (Date.now() < until);
    const { exitCode } = workers[place]!;
    expect(exitCode).toBe(null); // not 3
    await kill(workers[place]!);
    workers[place] = next;
    if (round % 10 === 9) expect(cache.check()).toEqual([]);
  }
  for (const worker of workers) await kill(worker);
  expect(cache.check()).toEqual([]);
  for (let i = 0; i < 1000; i++) expect(cache.set(`key ${i}`, Buffer.alloc(4000, i))).toBe(true);
  const { members, bytes, roomBytes } = cache.stats().cache;
  expect(members).toBe(1);
  // What those had pinned is used again.
  expect(bytes).toBeGreaterThan(roomBytes * 0.9);
});

test('a process that was stopped while it read is in nobody’s way', async () => {
  using cache = open();
  for (let i = 0; i < 100; i++) cache.set(`key ${i}`, Buffer.alloc(4000, i));
  const reader = start(
    cache,
    `const pages = Array.from({ length: 50 }, (_, i) => cache.pin('key ' + i));
     process.on('SIGCONT', () => {
       say(String(pages.every((page, i) => page.buffer.equals(Buffer.alloc(4000, i)))));
     });
     setInterval(() => {}, 1000);
     say('ready');`,
  );
  expect(await heard(reader)).toBe('ready');
  reader.kill('SIGSTOP');
  for (let i = 0; i < 3000; i++) expect(cache.set(`other ${i % 500}`, Buffer.alloc(4000, i))).toBe(true);
  const answer = heard(reader);
  reader.kill('SIGCONT');
  expect(await answer).toBe('true');
});

test('one of four processes computes a value, and all have it', async () => {
  using cache = open();
  const script = `
    const value = await cache.getOrCompute('slow', async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      return Buffer.from(String(process.pid));
    });
    say(String(value));`;
  const answers = await Promise.all([1, 2, 3, 4].map(() => heard(start(cache, script))));
  expect(new Set(answers).size).toBe(1);
  expect(cache.stats().cache.computations).toBe(1);
});

test('when the process that computes a value dies, one of those who wait goes on at once', async () => {
  using cache = open();
  const first = start(
    cache,
    `await cache.getOrCompute('slow', () => { say('begun'); return new Promise(() => setTimeout(() => {}, 1e6)); });`,
  );
  expect(await heard(first)).toBe('begun');
  const waiting = Array.from({ length: 3 }, (_, i) =>
    cache.getOrCompute('slow', () => Buffer.from(`computed by ${i}`)),
  );
  const other = start(
    cache,
    `say('ready'); say(String(await cache.getOrCompute('slow', () => Buffer.from('computed by the other'))));`,
  );
  await heard(other);
  await pause(50);
  expect(cache.stats().cache.computations).toBe(1);
  const killed = performance.now();
  await kill(first);
  const values = (await Promise.all(waiting)).map(String);
  expect(performance.now() - killed).toBeLessThan(2000);
  expect(new Set(values).size).toBe(1);
  expect(values[0]).toMatch(/^computed by/);
});

describe('of eight processes that want one key', () => {
  const WAITING = `
    process.stdin.resume();
    say('ready');
    const value = await cache.getOrCompute('hot', () => { say('computes'); return Buffer.from('by ' + process.pid); });
    say('has ' + value);
    process.stdin.pause();`;
  const linesOf = (child: ChildProcess): string[] => {
    const lines: string[] = [];
    child.stdout!.on('data', (text) => lines.push(...String(text).trim().split('\n')));
    return lines;
  };
  const begin = async (cache: SharedCache, last: string) => {
    const first = start(
      cache,
      `process.stdin.resume();
       void cache.getOrCompute('hot', () => new Promise((resolve) => {
         process.stdin.once('data', () => { ${last} });
         say('computes');
       }));`,
    );
    expect(await heard(first)).toBe('computes');
    const others = Array.from({ length: 7 }, () => start(cache, WAITING, '--import', WITHOUT_LOOKS));
    const said = others.map(linesOf);
    await expect.poll(() => said.every((lines) => lines.includes('ready')), { timeout: 20_000 }).toBe(true);
    await pause(100);
    expect(said.flat().filter((line) => line !== 'ready')).toEqual([]);
    return { first, said };
  };
  const values = (said: string[][]) => said.flat().filter((line) => line.startsWith('has '));

  test('those who wait are woken when it is there', { timeout: 60_000 }, async () => {
    using cache = open();
    const { first, said } = await begin(cache, "resolve(Buffer.from('by the first'))");
    first.stdin!.write('go');
    await expect.poll(() => values(said).length, { timeout: 10_000 }).toBe(7);
    expect(new Set(values(said))).toEqual(new Set(['has by the first']));
    expect(cache.stats().cache.computations).toBe(1);
  });

  test('none waits for one that was killed while it computed', { timeout: 60_000 }, async () => {
    using cache = open();
    const { first, said } = await begin(cache, '');
    await kill(first);
    await expect.poll(() => values(said).length, { timeout: 10_000 }).toBe(7);
    expect(new Set(values(said)).size).toBe(1);
    expect(said.flat().filter((line) => line === 'computes')).toHaveLength(1);
    expect(cache.stats().cache.computations).toBe(2);
  });

  test('one of them computes it when the first has failed, or has closed its cache', {
    timeout: 60_000,
  }, async () => {
    for (const last of [
      "resolve('no bytes'); process.once('unhandledRejection', () => {})",
      'cache.close()',
    ]) {
      using cache = open();
      const { first, said } = await begin(cache, last);
      first.stdin!.write('go');
      await expect.poll(() => values(said).length, { timeout: 10_000 }).toBe(7);
      expect(said.flat().filter((line) => line === 'computes')).toHaveLength(1);
      await Promise.all([...children].map(kill));
      rmSync(root, { recursive: true, force: true });
    }
  });
});
