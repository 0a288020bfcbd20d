// The examples of caches and vectors, as the README of each says how to run them.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { packageRoot } from './support/child.js';

let root = '';
let server: ChildProcess | undefined;

beforeEach(() => {
  root = mkdtempSync('/dev/shm/superslab-test-');
});

afterEach(async () => {
  const running = server;
  server = undefined;
  if (running !== undefined && running.exitCode === null) {
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill();
    await ended;
  }
  rmSync(root, { recursive: true, force: true });
});

async function serve(name: string): Promise<string> {
  const program = `dist-dev/examples/response-cache/${name}.js`;
  server = spawn(process.execPath, [program, '--port=0', '--workers=2', `--cache=${root}/cache`], {
    cwd: packageRoot,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(server.stdout!)) return line;
  throw new Error('the server has said nothing');
}

/** A request over a connection of its own, so that workers take turns. */
async function get(url: string) {
  const response = await fetch(url, { headers: { connection: 'close' } });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const text = await response.text();
  return { text, madeBy: /process (\d+)/.exec(text)![1]!, servedBy: response.headers.get('x-served-by')! };
}

describe.each(['express', 'fastify'])('a response cache for %s', (name) => {
  test('is one for all workers', { timeout: 30_000 }, async () => {
    const url = await serve(name);
    const first = await Promise.all(Array.from({ length: 10 }, () => get(url)));
    expect(new Set(first.map(({ text }) => text)).size).toBe(1);
    await expect
      .poll(
        async () =>
          new Set((await Promise.all([1, 2, 3, 4].map(() => get(url)))).map((one) => one.servedBy)).size,
      )
      .toBe(2);
    const other = await get(url.replace(/1$/, '2'));
    expect(other.text).toContain('Product 2');
    // A change takes it out for all, and leaves the other one.
    const before = Date.now();
    expect((await fetch(`${url}/changed`, { method: 'POST' })).status).toBe(204);
    const after = await Promise.all(Array.from({ length: 10 }, () => get(url)));
    expect(Date.now() - before).toBeGreaterThanOrEqual(95); // it was made again
    expect(new Set(after.map(({ text }) => text)).size).toBe(1);
    expect((await get(url.replace(/1$/, '2'))).text).toBe(other.text);
  });
});

test('vectors are searched by four processes, which have one copy of them', { timeout: 60_000 }, () => {
  const said = execFileSync(
    process.execPath,
    ['dist-dev/examples/vectors/main.js', '--mib=32', '--processes=4', `--path=${root}/vectors`],
    { cwd: packageRoot, encoding: 'utf8' },
  );
  expect(said).toContain('32768 vectors, 32 MiB');
  for (const place of [4096, 12_288, 20_480, 28_672]) expect(said).toContain(`found vector ${place},`);
  expect(said).not.toContain('expected');
  const copies = Number(/: (\d\.\d+) copies/.exec(said)![1]);
  expect(copies).toBeGreaterThan(0.9);
  expect(copies).toBeLessThanOrEqual(1.02);
});
