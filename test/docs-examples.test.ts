// The examples in JavaScript of docs/, as they stand there, each page in a process of its own.
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot, runChild } from './support/child.js';

interface Page {
  readonly page: string;
  /** What the examples take for granted. */
  readonly before?: string;
  /** What a program would do with them, and what ends it. */
  readonly after: string;
  /** What is printed, in this order. */
  readonly prints: readonly (string | RegExp)[];
}

const pages: Page[] = [
  {
    page: 'ADAPTIVE',
    before: 'const handleBatch = (pool) => {};',
    after: 'console.log(pool.advice().length); process.exit();',
    prints: [/pool "frames"/, '0'],
  },
  {
    page: 'FILES',
    before: `
      const requests = [{ id: 'a', bytes: Buffer.from('a') }, { id: 'b', bytes: Buffer.from('b') }];
      process.env.KEY = 'ab'.repeat(32);`,
    after: `
      log.close();
      vault.close();
      console.log(shop.root('count').readDoubleLE(0), 'counted');
      shop.close();
      const again = MappedPool.open(FILE);
      console.log(again.root('visits').readDoubleLE(0), String(again.root('b')));
      again.close();`,
    prints: ['opened 1 times', '1 counted', '1 b'],
  },
  {
    page: 'PAGE-CACHE',
    after: 'console.log(cache.closed);',
    prints: [/^0$/m, 'true'],
  },
  {
    page: 'PRESSURE',
    before: 'const [cache, log] = [{ shrink() {} }, { warn() {} }];',
    after: 'console.log(pool.stats().pressureLevel);',
    prints: [/^\w+$/m],
  },
  {
    page: 'SHARED-CACHE',
    before: "const id = 7; const render = async () => Buffer.from('text');",
    after: "console.log(String(page), cache.has('page:7')); cache.close();",
    prints: ['text false'],
  },
  {
    page: 'pools/COMPRESSED',
    after: 'console.log("ended");',
    prints: ['a page', /^[\d.]+ (true|false)$/m, 'ended'],
  },
  {
    page: 'pools/FIXED',
    after: `
      socket.on('error', () => {});
      send('text', 9);
      setTimeout(() => { console.log(packets.stats().inUseBytes); process.exit(); }, 50);`,
    prints: ['0'],
  },
  {
    page: 'pools/GENERATIONAL',
    after: 'console.log(pool.collect(), pool.owns(session));',
    prints: ['body', 'true true'],
  },
  {
    page: 'pools/NUMA',
    before: 'import fs from "node:fs";',
    after: `
      const file = fs.openSync('package.json');
      read(file, 0, (error, bytes) => { console.log(error, bytes.toString('latin1', 0, 1)); });`,
    prints: ['null {'],
  },
  {
    page: 'pools/OBJECT',
    before: `
      const connect = async () => ({ isAlive: true, query: async (text) => [text], end() {} });`,
    after: 'console.log(rows, connections.inUse);',
    prints: ["[ 'select 1' ] 0"],
  },
  {
    page: 'pools/PACKET',
    before: `
      import { createServer } from 'node:net';
      const server = createServer((peer) => {
        peer.on('data', (data) => {
          console.log(data);
          process.exit();
        });
      });
      await new Promise((listening) => server.listen(0, listening));
      const { port } = server.address();`,
    after: 'send(Buffer.from("ok"));',
    prints: ['<Buffer 00 00 00 02 6f 6b>'],
  },
  {
    page: 'pools/RECORD',
    before: 'const worker = { postMessage(handle) { console.log(Number.isSafeInteger(handle)); } };',
    after: 'console.log(sum, entries.owns(entry));',
    prints: ['true', '0 false'],
  },
];

const examplesOf = (page: string): string[] => {
  const text = readFileSync(path.join(packageRoot, `docs/${page}.md`), 'utf8');
  return [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!);
};

// Imports may stand anywhere in a module.
test.for(pages)('$page', async ({ page, before = '', after, prints }) => {
  const examples = examplesOf(page);
  expect(examples.length).toBeGreaterThan(0);
  const code = examples
    .join('\n')
    .replace('connect(9000)', 'connect(port)')
    .replaceAll("'shop.slab'", "FILE + '.shared'")
    .replaceAll(/'vault\.(slab|log)'/g, "FILE + '.$1'")
    .replaceAll(/'(state\.slab|table\.pages|\/dev\/shm\/shop\.cache)'/g, 'FILE');
  const file = path.join(tmpdir(), `superslab-docs-${process.pid}-${page.replace('/', '-')}.slab`);
  const script = `
    import { rmSync } from 'node:fs';
    const FILE = ${JSON.stringify(file)};
    process.on('exit', () => {
      for (const end of ['', '.shared', '.slab', '.log']) rmSync(FILE + end, { force: true });
    });
    ${before}
    ${code}
    ${after}`;
  const {
    code: exitCode,
    stdout,
    stderr,
  } = await runChild(script, { env: { SUPERSLAB_GUARD: 'off', SUPERSLAB_LEAK_DETECTION: 'off' } });
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  let rest = stdout;
  for (const part of prints) {
    const found = typeof part === 'string' ? rest.indexOf(part) : rest.search(part);
    expect(found, `${part} in ${stdout}`).toBeGreaterThanOrEqual(0);
    rest = rest.slice(found + 1);
  }
});

test('no page of a kind of pool is without', () => {
  const kinds = readdirSync(path.join(packageRoot, 'docs/pools')).map(
    (file) => `pools/${path.parse(file).name}`,
  );
  expect(pages.map(({ page }) => page)).toEqual(expect.arrayContaining(kinds));
});
