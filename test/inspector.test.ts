// superslab/inspector over TCP: who is let in, what is told, and that it costs nothing while nobody looks.
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { get, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { BufferPool } from 'superslab';
import { type Inspector, startInspector } from 'superslab/inspector';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { childJson, runChild } from './support/child.js';
import { decodeMap, EventReader, parseEvents } from './support/events.js';
import { rejectedBy } from './support/expect-error.js';
import { TestWorker } from './support/worker.js';

const require = createRequire(import.meta.url);
const access = require('../dist/cjs/inspector/access.js') as typeof import('../lib/inspector/access.js');
const { Ordinals } =
  require('../dist/cjs/inspector/ordinals.js') as typeof import('../lib/inspector/ordinals.js');
const processStats =
  require('../dist/cjs/stats/process-stats.js') as typeof import('../lib/stats/process-stats.js');

interface Respond {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Asking {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly address?: string;
}

let inspector: Inspector;
beforeEach(async () => {
  inspector = await startInspector();
});
afterEach(async () => {
  await inspector.close();
});

function ask({ path = '/', method = 'GET', headers = {}, address = '127.0.0.1' }: Asking): Promise<Respond> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: address, port: inspector.port, path, method, headers, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (part) => {
          body += part;
        });
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
      },
    );
    asking.on('error', reject);
    asking.end();
  });
}

describe('who is let in', () => {
  test.each([
    ['no token', '/', {}],
    ['no token for figures', '/stats.json', {}],
    ['no token for events', '/events', {}],
    ['a wrong token', '/?token=wrong', {}],
    ['a wrong token in the path', '/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/', {}],
    ['a wrong bearer', '/stats.json', { Authorization: 'Bearer wrong' }],
    ['an empty token', '/?token=', {}],
    ['another kind of authorization', '/stats.json', { Authorization: 'Basic Og==' }],
    ['no file either', '/app.js', {}],
  ])('%s: 401, and nothing shown', async (_what, path, headers) => {
    const answer = await ask({ path, headers });
    expect(answer.status).toBe(401);
    expect(answer.body).toBe('');
    expect(Object.keys(answer.headers).sort()).toEqual(
      ['cache-control', 'connection', 'content-length', 'date', 'keep-alive'].filter(
        (name) => name in answer.headers,
      ),
    );
  });

  test('the token in the path, as a query, or as a bearer', async () => {
    const { token } = inspector;
    for (const asking of [
      { path: `/${token}/stats.json` },
      { path: `/stats.json?token=${token}` },
      { path: '/stats.json', headers: { Authorization: `Bearer ${token}` } },
    ]) {
      const answer = await ask(asking);
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body).pid).toBe(process.pid);
    }
  });

  test('a token that begins like the right one is wrong', async () => {
    expect((await ask({ path: `/${inspector.token.slice(0, -1)}/` })).status).toBe(401);
    expect((await ask({ path: `/${inspector.token}x/` })).status).toBe(401);
  });

  test.each([
    'evil.example',
    'evil.example:PORT',
    '127.0.0.1',
    '127.0.0.1:1',
    'localhost.evil.example:PORT',
    'a@127.0.0.1:PORT',
  ])('the name %j in the Host header, with the right token: 403', async (name) => {
    const headers = { Host: name.replace('PORT', String(inspector.port)) };
    const answer = await ask({ path: `/${inspector.token}/stats.json`, headers });
    expect([answer.status, answer.body]).toEqual([403, '']);
  });

  test.each(['127.0.0.1', 'localhost', 'LocalHost', '[::1]', '127.1.2.3'])(
    'the name %j is ours',
    async (name) => {
      const answer = await ask({
        path: `/${inspector.token}/stats.json`,
        headers: { Host: `${name}:${inspector.port}` },
      });
      expect(answer.status).toBe(200);
    },
  );

  test('nobody listens on the addresses that other machines reach', async ({ skip }) => {
    const outer = Object.values(networkInterfaces())
      .flat()
      .find((one) => one !== undefined && !one.internal && one.family === 'IPv4');
    skip(outer === undefined, 'this machine has no address that others reach');
    await expect(ask({ path: inspector.token, address: outer!.address })).rejects.toThrow(/ECONNREFUSED/);
  });

  test('a request from elsewhere is refused, whatever it knows', () => {
    const rules = { token: 't', port: 9300, host: '127.0.0.1', allowRemote: false };
    const from = (remoteAddress: string) =>
      access.refusal({ socket: { remoteAddress }, headers: { host: '127.0.0.1:9300' } } as any, rules);
    for (const address of ['10.0.0.1', '192.168.1.2', '::ffff:10.0.0.1', 'fe80::1', '2001:db8::1', ''])
      expect(from(address), address).toBe(403);
    for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
      expect(from(address), address).toBeUndefined();
  });

  test('with allowRemote: addresses and the given name, and no other', () => {
    const rules = { token: 't', port: 80, host: 'box.example', allowRemote: true };
    for (const name of ['10.0.0.1:80', '10.0.0.1', 'box.example', '[2001:db8::1]:80'])
      expect(access.isOwnHost(name, rules), name).toBe(true);
    for (const name of ['evil.example', 'box.example:81', 'box.example.evil', undefined])
      expect(access.isOwnHost(name, rules), String(name)).toBe(false);
  });

  test('only reading', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const answer = await ask({ path: `/${inspector.token}/stats.json`, method });
      expect(answer.status).toBe(405);
      expect(answer.headers.allow).toBe('GET, HEAD');
    }
    const head = await ask({ path: `/${inspector.token}/stats.json`, method: 'HEAD' });
    expect([head.status, head.body]).toEqual([200, '']);
  });
});

describe('whoever can connect', () => {
  const idle: Socket[] = [];
  const connectIdly = () =>
    new Promise<Socket>((resolve) => {
      const socket = connect(inspector.port, '127.0.0.1', () => resolve(socket));
      socket.on('error', () => {});
      idle.push(socket);
    });
  afterEach(() => {
    for (const socket of idle.splice(0)) socket.destroy();
  });

  test('keeps nobody out by many connections that say nothing', async () => {
    const path = `/${inspector.token}/stats.json`;
    const oldest = await connectIdly();
    const ended = new Promise((resolve) => oldest.on('close', resolve));
    for (let i = 0; i < 64; i++) await connectIdly();
    await ended; // the others may still show that they may look
    expect((await ask({ path })).status).toBe(200);
  });

  test('ends no stream of who may look', async () => {
    const reader = await EventReader.open(`${inspector.url}events`);
    await reader.until(() => reader.of('stats').length > 0);
    for (let i = 0; i < 70; i++) await connectIdly();
    const seen = reader.of('stats').length;
    await reader.until(() => reader.of('stats').length > seen);
    reader.close();
  });

  test('may look at the same time as 63 others', async () => {
    const open = () =>
      new Promise<IncomingMessage>((resolve) =>
        get(`${inspector.url}events`, { agent: false }, (response) => {
          response.on('error', () => {});
          response.resume();
          resolve(response);
        }),
      );
    const readers = await Promise.all(Array.from({ length: 64 }, open));
    expect(readers.map(({ statusCode }) => statusCode)).toEqual(Array.from({ length: 64 }, () => 200));
    expect((await ask({ path: `/${inspector.token}/stats.json` })).status).toBe(503);
    const [one] = readers;
    one!.destroy();
    while ((await ask({ path: `/${inspector.token}/stats.json` })).status === 503);
    for (const reader of readers) reader.destroy();
  });
});

test('what goes wrong while answering is told to who may know it, and does not end the process', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ss-'));
  const seen = await childJson(
    `
    import { createRequire } from 'node:module';
    import { get } from 'node:http';
    const require = createRequire(process.cwd() + '/');
    const { environment } = require('./dist/cjs/addon/environment.js');
    const { startInspector } = require('./dist/cjs/inspector.js');
    const { openProcessSocket } = require('./dist/cjs/inspector/process-socket.js');
    const { url } = await startInspector();
    const { path: socketPath } = await openProcessSocket();
    const ask = (where, file) => new Promise((resolve) => {
      const done = (response) => {
        let text = '';
        response.on('data', (part) => { text += part; });
        response.on('error', () => {});
        response.on('close', () => resolve([response.statusCode, text]));
      };
      if (where === 'port') get(url + file, { agent: false }, done);
      else get({ socketPath, path: '/' + file, agent: false }, done);
    });
    const fail = () => { throw new Error('a fault of ours'); };
    const { makeScanner, processStats } = environment;
    const scanners = Object.getPrototypeOf(makeScanner());
    const { scan } = scanners;
    const out = {};
    for (const where of ['port', 'socket']) {
      environment.makeScanner = () => undefined;
      const noMemory = await ask(where, 'events');
      environment.makeScanner = makeScanner;
      environment.processStats = fail;
      const noFigures = await ask(where, 'stats.json');
      environment.processStats = processStats;
      out[where] = { noMemory, noFigures };
      // Streams that had begun: at the next turn they end.
      if (where === 'port') continue;
      const figures = ask(where, 'events');
      setTimeout(() => { environment.processStats = fail; }, 300);
      out.figuresEnd = (await figures)[0];
      environment.processStats = processStats;
      const map = ask(where, 'events');
      setTimeout(() => { scanners.scan = fail; }, 300);
      out.mapEnds = (await map)[0];
      scanners.scan = scan;
    }
    // All is as before.
    out.again = (await ask('port', 'stats.json'))[0];
    out.isMapShown = await new Promise((resolve) => get(url + 'events', { agent: false }, (response) => {
      response.on('data', (part) => { if (String(part).includes('event: map')) resolve(true); });
    }));
    console.log(JSON.stringify(out));
    process.exit();
  `,
    { env: { XDG_RUNTIME_DIR: folder } },
  ).finally(() => rmSync(folder, { recursive: true }));
  const failed = {
    noMemory: [500, expect.stringMatching(/^ERR_SUPERSLAB_NO_MEMORY: no address space/)],
    noFigures: [500, 'a fault of ours\n'],
  };
  expect(seen).toEqual({
    port: failed,
    socket: failed,
    figuresEnd: 200,
    mapEnds: 200,
    again: 200,
    isMapShown: true,
  });
});

describe('what is served', () => {
  test('the page, under an address from which its files can be asked for', async () => {
    const page = await ask({ path: `/${inspector.token}/` });
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(page.headers['referrer-policy']).toBe('no-referrer');
    expect(page.headers['cache-control']).toBe('no-store');
    expect(page.headers['access-control-allow-origin']).toBeUndefined();
    expect(page.headers['x-content-type-options']).toBe('nosniff');
    for (const path of [`/${inspector.token}`, `/?token=${inspector.token}`]) {
      const answer = await ask({ path });
      expect([answer.status, answer.headers.location]).toEqual([302, `/${inspector.token}/`]);
    }
  });

  test.each([
    'nothing',
    '../package.json',
    '..%2f..%2fpackage.json',
    '%2e%2e/package.json',
    'constructor',
    'events/',
  ])('not %j', async (path) => {
    const answer = await ask({ path: `/${inspector.token}/${path}` });
    expect([answer.status, answer.body]).toEqual([404, '']);
  });

  test('what the kernel says, which is asked once however many want to know', async () => {
    const path = `/${inspector.token}/memory.json`;
    const asked = vi.spyOn(processStats, 'memoryFacts');
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask({ path })));
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(Object.keys(JSON.parse(body))).toEqual([
        'rssBytes',
        'hugeBytes',
        'hugeCoverage',
        'swappedBytes',
        'nodes',
      ]);
    }
    expect(asked.mock.calls.length).toBeLessThan(answers.length);
    expect((await ask({ path: '/memory.json' })).status).toBe(401);
    asked.mockRejectedValueOnce(new Error('no smaps here'));
    const failed = await ask({ path });
    expect([failed.status, failed.body]).toEqual([500, 'no smaps here\n']);
    asked.mockRestore();
    expect((await ask({ path })).status).toBe(200);
  });

  test('a report', async () => {
    const answer = await ask({ path: `/${inspector.token}/report.txt` });
    expect(answer.headers['content-type']).toMatch(/^text\/plain/);
    expect(answer.body).toContain('superslab pool "default"');
  });
});

describe('starting and ending', () => {
  test.each([
    [{ port: -1 }],
    [{ port: 70_000 }],
    [{ port: 1.5 }],
    [{ port: '80' as any }],
    [{ host: '' }],
    [{ host: '0.0.0.0' }],
    [{ host: '10.0.0.1' }],
    [{ host: '::' }],
    [{ host: 'example.com' }],
    [{ token: 'short' }],
    [{ token: 'has/slashes-and-is-long' }],
    [{ allowRemote: 1 as any }],
    [{ signal: {} as any }],
    [{ token: null as any }],
    [null as any],
    [[] as any],
    [{ bogus: 1 } as any],
  ])('%j is refused', async (options) => {
    const error = await rejectedBy(startInspector(options), 'ERR_SUPERSLAB_OPTION');
    // A token is a secret, also a wrong one.
    expect(error.message).not.toMatch(/short|slashes/);
  });

  test('a misspelled option names the right one', async () => {
    const error = await rejectedBy(startInspector({ allowRemotes: true } as any), 'ERR_SUPERSLAB_OPTION');
    expect(error.message).toContain('"allowRemotes" of startInspector(): did you mean "allowRemote"?');
  });

  test('a second one on the port says what to do', async () => {
    const error = await startInspector({ port: inspector.port }).catch((e) => e);
    expect(error.code).toBe('ERR_SUPERSLAB_PORT');
    expect(error.message).toBe(
      `ERR_SUPERSLAB_PORT: port ${inspector.port} on 127.0.0.1 is in use (by another inspector?); ` +
        'pass another port, or 0 for any that is free',
    );
  });

  test('a second one on another port works, with a token of its own', async () => {
    const second = await startInspector({ token: 'a-token-of-my-own_1' });
    expect(second.url).toBe(`http://127.0.0.1:${second.port}/a-token-of-my-own_1/`);
    expect((await fetch(second.url)).status).toBe(200);
    expect((await fetch(second.url.replace(second.token, inspector.token))).status).toBe(401);
    await second.close();
  });

  test('close() ends streams and frees the port; a signal does the same', async () => {
    const reader = await EventReader.open(`${inspector.url}events`);
    await reader.until(() => reader.of('hello').length > 0);
    await inspector.close();
    await inspector.close();
    const controller = new AbortController();
    const next = await startInspector({ port: inspector.port, signal: controller.signal });
    controller.abort();
    await next.close();
    await expect(fetch(next.url)).rejects.toThrow();
    await expect(startInspector({ signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  test('it never keeps the process alive, not even with somebody who listens', async () => {
    const result = await runChild(`
      import { spawn } from 'node:child_process';
      import { startInspector } from 'superslab/inspector';
      const { url } = await startInspector();
      const script = 'fetch(process.argv[1] + "events").then(async (r) => { console.log("x"); for await (const part of r.body); })';
      const listener = spawn(process.execPath, ['-e', script, url], { stdio: ['ignore', 'pipe', 'ignore'] });
      listener.stdout.once('data', () => { listener.unref(); listener.stdout.destroy(); console.log('heard'); });
    `);
    expect(result).toMatchObject({ code: 0, stdout: 'heard\n' });
  });
});

describe('what is told', () => {
  test('settings, pools, figures, leaks and the map; then figures and changes once a second', async () => {
    const pool = new BufferPool({ name: 'told "ünïcode" 漢', hugePages: 'off' });
    const held = pool.acquire(5000);
    const reader = await EventReader.open(`${inspector.url}events`);
    expect(reader.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    await reader.until(() => reader.of('map').length >= 2 && reader.of('stats').length >= 2);
    expect(reader.seen.slice(0, 5).map(({ event }) => event)).toEqual([
      'hello',
      'pools',
      'stats',
      'leaks',
      'misuse',
    ]);
    const [hello] = reader.of('hello');
    expect(hello!.json).toMatchObject({ format: 1, pid: process.pid, node: process.version, periodMs: 1000 });
    expect(hello!.json.knobs.map((row: any) => row.variable)).toContain('SUPERSLAB_INSPECT');
    expect(hello!.json.classes).toHaveLength(64);
    const { ordinal } = reader
      .of('pools')
      .at(-1)!
      .json.pools.find((one: any) => one.name === pool.name);
    expect(reader.of('stats')[0]!.json.pools.map((one: any) => one.name)).toContain(pool.name);
    expect(reader.of('stats')[0]!.json.totals.inUseBytes).toBeGreaterThanOrEqual(5000);
    expect(reader.of('leaks')[0]!.json.sites).toEqual([]);

    const [first, second] = reader.of('map').map(({ data }) => decodeMap(data));
    expect([first!.full, second!.full]).toEqual([true, false]);
    expect(Math.abs(first!.at - Date.now())).toBeLessThan(10_000);
    const record = first!.records.find((one) => one.pool === ordinal)!;
    const cut = hello!.json.classes.find((row: any) => row.bytes === held.capacity);
    const slice = record.slices.find(({ tag }) => tag === cut.tag)!;
    expect(slice.fullness).toBeGreaterThan(0);
    reader.close();
    held.release();
    pool.close();
  });

  test('a pool that is opened, one that is used, one that is closed', async () => {
    const reader = await EventReader.open(`${inspector.url}events`);
    await reader.until(() => reader.of('map').length > 0);
    const pool = new BufferPool({ name: 'comes later', hugePages: 'off' });
    const ordinal = () =>
      reader
        .of('pools')
        .at(-1)!
        .json.pools.find((one: any) => one.name === 'comes later')?.ordinal;
    const held = pool.acquire(100); // so that its slab stays
    const busy = setInterval(() => pool.acquire(100).release(), 50);
    await reader.until(() => ordinal() !== undefined);
    // Blocks that only go in and out of a magazine leave no trace in their slab; it is hot all the same.
    const isHot = ({ data }: { data: string }) =>
      decodeMap(data).records.some(
        (one) => one.pool === ordinal() && one.slices.some((s) => s.tag !== 0 && s.temperature === 3),
      );
    const seen = reader.of('map').length;
    await reader.until(() => reader.of('map').length >= seen + 5);
    expect(
      reader
        .of('map')
        .slice(seen + 1)
        .map(isHot),
    ).toEqual([true, true, true, true]);
    clearInterval(busy);
    // Nobody needs to be told that it grows cold.
    await reader.until(() => !isHot(reader.of('map').at(-1)!));
    held.release();
    pool.close();
    await reader.until(() => ordinal() === undefined);
    reader.close();
  });

  test("a worker's pools, and what it does with the default pool", async () => {
    const worker = new TestWorker();
    await worker.run(`
      state.pool = new superslab.BufferPool({ name: 'of a worker', hugePages: 'off' });
      state.held = state.pool.acquire(3000);`);
    const reader = await EventReader.open(`${inspector.url}events`);
    await reader.until(() => reader.of('map').length > 0);
    const pool = reader.of('pools')[0]!.json.pools.find((one: any) => one.name === 'of a worker');
    expect(pool).toBeDefined();
    const isHot = () =>
      decodeMap(reader.of('map').at(-1)!.data).records.some(
        (one) => one.pool === pool.ordinal && one.slices.some((s) => s.temperature === 3),
      );
    await worker.run('state.held.release(); state.held = state.pool.acquire(3000);');
    const seen = reader.of('map').length;
    await reader.until(() => reader.of('map').length > seen && isHot());
    await worker.terminate();
    await reader.until(
      () =>
        !reader
          .of('pools')
          .at(-1)!
          .json.pools.some((one: any) => one.name === 'of a worker'),
    );
    reader.close();
  });

  test('an inspector in a worker tells of the same process', async () => {
    const worker = new TestWorker();
    const url = await worker.run(`
      const { createRequire } = await import('node:module');
      const { startInspector } = createRequire(${JSON.stringify(import.meta.filename)})('../dist/cjs/inspector.js');
      state.inspector = await startInspector();
      return state.inspector.url;`);
    const hello: any = await (await fetch(`${url}hello.json`)).json();
    expect(hello.pid).toBe(process.pid);
    expect(hello.threadId).toBe(worker.thread.threadId);
    const reader = await EventReader.open(`${url}events`);
    await reader.until(() => reader.of('map').length > 0);
    await worker.terminate(); // with a stream open and perhaps a scan under way
    await expect(fetch(url)).rejects.toThrow();
  });
});

test('pools keep their ordinals, which are used again, and the 255th goes without', () => {
  const ordinals = new Ordinals();
  const pools = (...ids: number[]) => ids.map((heapId) => ({ heapId, name: `p${heapId}` }));
  expect(ordinals.update(pools(0, 5, 9)).pools.map((one) => one.ordinal)).toEqual([1, 2, 3]);
  expect(ordinals.update(pools(0, 9, 11)).pools).toEqual([
    { ordinal: 1, name: 'p0' },
    { ordinal: 3, name: 'p9' },
    { ordinal: 2, name: 'p11' },
  ]);
  expect([...ordinals.pairs()]).toEqual([0, 1, 9, 3, 11, 2]);
  const many = new Ordinals();
  expect(many.update(pools(...Array.from({ length: 300 }, (_, i) => i))).pools).toHaveLength(254);
});

test('one timer for all, no scan while nobody listens', async () => {
  const seen = await childJson(`
    import { createRequire } from 'node:module';
    import { get } from 'node:http';
    import { setTimeout as pause } from 'node:timers/promises';
    const require = createRequire(process.cwd() + '/');
    const { environment } = require('./dist/cjs/addon/environment.js');
    let scans = 0;
    const scanners = Object.getPrototypeOf(environment.makeScanner());
    const { scan } = scanners;
    scanners.scan = function (wanted) { scans++; scan.call(this, wanted); };
    const { startInspector } = require('./dist/cjs/inspector.js');
    const { url } = await startInspector();
    const open = () => new Promise((resolve) => get(url + 'events', { agent: false }, (r) => { r.on('error', () => {}); r.resume(); resolve(r); }));
    await pause(1200);
    const alone = scans;
    const clients = await Promise.all([open(), open(), open(), open()]);
    await pause(2600);
    const together = scans;
    for (const client of clients) client.destroy();
    await pause(100);
    const left = scans;
    await pause(1500);
    console.log(JSON.stringify({ alone, together, after: scans - left }));
    process.exit();
  `);
  expect(seen.alone).toBe(0);
  expect(seen.together).toBeGreaterThanOrEqual(3);
  expect(seen.together).toBeLessThanOrEqual(5);
  expect(seen.after).toBe(0);
});

test('who reads too slowly misses turns, and gets everything afterwards', async () => {
  class SlowResponse extends EventEmitter {
    writableLength = 0;
    text = '';
    writeHead() {}
    flushHeaders() {}
    write(text: string) {
      this.text += Buffer.from(text, 'latin1').toString('utf8');
    }
    take() {
      const events = parseEvents(this.text);
      this.text = '';
      return events;
    }
  }
  const { feed } = require('../dist/cjs/inspector/feed.js');
  const slow = new SlowResponse();
  const quick = new SlowResponse();
  const waitFor = async (condition: () => boolean) => {
    for (const end = performance.now() + 8000; !condition(); await new Promise((r) => setTimeout(r, 20)))
      if (performance.now() > end) throw new Error('waited in vain');
  };
  const maps = (events: { event: string; data: string }[]) =>
    events.filter(({ event }) => event === 'map').map(({ data }) => decodeMap(data).full);
  feed.subscribe(slow);
  feed.subscribe(quick);
  await waitFor(() => slow.text.includes('event: map') && quick.text.includes('event: map'));
  slow.take();
  quick.take();
  slow.writableLength = (4 << 20) + 1;
  await waitFor(() => quick.text.split('event: map').length > 2);
  expect(slow.text).toBe('');
  expect(maps(quick.take())).toEqual([false, false]);
  slow.writableLength = 4 << 20;
  await waitFor(() => slow.text.includes('event: map'));
  const events = slow.take();
  expect(events.map(({ event }) => event).slice(0, 4)).toEqual(['pools', 'leaks', 'misuse', 'stats']);
  expect(maps(events)).toEqual([true]);
  slow.emit('close');
  quick.emit('close');
});
