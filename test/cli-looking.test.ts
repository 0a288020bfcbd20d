// `superslab stats`, `report` and `inspect` on real processes: what they tell, and what they refuse.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { json, refused, superslab } from './support/cli.js';
import { internal } from './support/internal.js';
import { type Running, startProcess } from './support/running.js';

const { socketFile, pidNamespace } =
  internal<typeof import('../lib/inspector/socket-path.js')>('inspector/socket-path');

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const COMMANDS = ['stats', 'report', 'explain', 'inspect'] as const;

// Sockets of these tests lie apart from those of other programs.
const folder = mkdtempSync(path.join(tmpdir(), 'superslab-looking-'));
const env = { XDG_RUNTIME_DIR: folder };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A pool of which 3 blocks of 4 KiB are leased, and one that is at its limit. */
const program = (more = '') => `
  import { BufferPool } from 'superslab';
  const pool = new BufferPool({ name: 'uploads' });
  const held = [1, 2, 3].map(() => pool.acquire(4000));
  const small = new BufferPool({ name: 'small', maxBytes: '256k' });
  const full = [];
  try { for (;;) full.push(small.acquire(32768)); } catch {}
  ${more}
  setInterval(() => { pool.acquire(100).release(); held.length; full.length; }, 50);
  console.log('ready');`;

const withSocket = { env: { ...env, SUPERSLAB_INSPECT: 'socket' } };

const poolNamed = (stats: any, name: string) => stats.pools.find((pool: any) => pool.name === name);

describe('a process with a socket', () => {
  let running: Running;
  let pid: string;
  beforeAll(async () => {
    running = await startProcess(program(), withSocket);
    pid = String(running.pid);
  });
  afterAll(() => running.end());

  test('tells its figures', async () => {
    const { code, stdout, stderr } = await superslab(['stats', pid], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(
      new RegExp(`^process ${pid} \\(node\\), Node\\.js ${process.version}, superslab \\d+\\.\\d+\\.\\d+`),
    );
    expect(stdout).toMatch(/^uploads +12\.0 KiB /m);
    expect(stdout).toMatch(/^kernel +\d.* of the pools resident, [\d.]+ % in huge pages, none swapped out/m);
    expect(stdout).toMatch(/^small +256\.0 KiB .* 256\.0 KiB +100 % /m);
    expect(stdout).toMatch(/^pool "small"\n {2}trouble: 1 refused because of the limit$/m);
    expect(stdout).not.toContain('\u001b');
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(100);
  });

  test('tells them as JSON, as superslab.stats() has them', async () => {
    const stats = await json(['stats', pid], { env });
    expect(stats).toMatchObject({ pid: running.pid, core: 'addon', leaks: [] });
    expect(stats.rssBytes).toBeGreaterThan(1 << 20);
    expect(stats.memory.rssBytes).toBeGreaterThan(0);
    expect(stats.memory.rssBytes).toBeLessThan(stats.rssBytes);
    expect(poolNamed(stats, 'uploads')).toMatchObject({ inUseBytes: 12288, closed: false });
    expect(poolNamed(stats, 'small')).toMatchObject({ maxBytes: 262144, use: 1, exhausted: 1 });
    expect(stats.knobs.find((knob: any) => knob.variable === 'SUPERSLAB_INSPECT').value).toBe('socket');
  });

  test('is watched: figures again and again, with rates, until somebody ends it', async () => {
    const result = await superslab(['stats', pid, '--watch=0.2'], {
      env,
      onOutput: (text, kill) => {
        if (text.split('process ').length > 3) kill('SIGINT');
      },
    });
    expect(result).toMatchObject({ signal: 'SIGINT', stderr: '' });
    const [first, second] = result.stdout.split(/^process \d/m).slice(1);
    expect(first).not.toMatch(/\d\/s/);
    // 20 a second, on a machine that may be busy.
    expect(second).toMatch(/^uploads .* [\d,]+ {2}[1-9]\d?\/s +/m);
  });

  test('is watched as JSON: an object a line', async () => {
    const result = await superslab(['stats', pid, '--watch=0.1', '--json'], {
      env,
      onOutput: (text, kill) => {
        if (text.split('\n').length > 2) kill('SIGINT');
      },
    });
    const [first, second] = result.stdout
      .split('\n')
      .slice(0, 2)
      .map((line) => JSON.parse(line));
    expect(second.uptimeMs).toBeGreaterThan(first.uptimeMs);
  });

  test('is reported on: figures with advice, and exit code 1 when there is something to act on', async () => {
    const { code, stdout, stderr } = await superslab(['report', pid], { env });
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^process ${pid} \\(`));
    for (const name of ['default', 'uploads', 'small'])
      expect(stdout).toContain(`\nsuperslab pool "${name}"\n`);
    expect(stdout).toMatch(/^ {2}act .*because of maxBytes/m);

    // Of a pool with nothing wrong.
    const well = await superslab(['report', pid, '--pool=uploads'], { env });
    expect(well).toMatchObject({ code: 0, stderr: '' });
    expect(well.stdout).not.toContain('"small"');
    expect(await refused(['report', pid, '--pool=large'], 64, 'ERR_SUPERSLAB_USAGE', { env })).toContain(
      'no pool "large"; there is: "default", "uploads", "small"',
    );
  });

  test('is reported on as JSON', async () => {
    const report = await json(['report', pid], { env }, 1);
    expect(report.pid).toBe(running.pid);
    expect(report.pools.map((pool: any) => pool.name)).toEqual(['default', 'uploads', 'small']);
    const [first] = report.pools[2].advice;
    expect(first).toMatchObject({
      id: 'failures',
      severity: 'act',
      text: expect.stringContaining('maxBytes'),
    });
    expect(report.pools[2].stats).toMatchObject({ name: 'small', exhausted: 1 });
  });

  test('is explained: a pool that learns nothing says how to switch that on', async () => {
    const { code, stdout, stderr } = await superslab(['explain', pid, '--pool=uploads'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^pool "uploads"\n {2}It learns nothing: SUPERSLAB_LEARN=learn/m);
    expect(stdout).not.toContain('"small"');
    await refused(['explain', pid, '--pool=large'], 64, 'ERR_SUPERSLAB_USAGE', { env });
    expect(await json(['explain', pid], { env })).toMatchObject({
      pid: running.pid,
      pools: [{ name: 'default' }, { name: 'uploads', sentences: [], adaptations: [] }, { name: 'small' }],
    });
  });

  test('is shown on a page, with a token', async () => {
    let url = '';
    const seen: Record<string, unknown> = {};
    const result = await superslab(['inspect', pid, '--json'], {
      env,
      onOutput: async (text, kill) => {
        if (url !== '' || !text.includes('\n')) return;
        const said = JSON.parse(text);
        expect(said.pid).toBe(running.pid);
        url = said.url;
        try {
          const ask = (where: string, init?: RequestInit) => fetch(new URL(where, url), init);
          seen.page = [(await ask('')).status, await (await ask('')).text()];
          seen.stats = poolNamed(await (await ask('stats.json')).json(), 'uploads').inUseBytes;
          const events = (await ask('events')).body!.getReader();
          const decoder = new TextDecoder();
          let told = '';
          while (!/event: stats/.test(told)) told += decoder.decode((await events.read()).value);
          // It stays open: ending the command is not up to pages.
          seen.events = told.slice(0, told.indexOf('\n'));
          seen.stranger = await (await fetch(new URL('/', url))).status;
          seen.unknown = (await ask('nothing.json')).status;
          seen.posted = (await ask('stats.json', { method: 'POST' })).status;
          seen.guard = (await ask('stats.json')).headers.get('content-security-policy');
        } catch (error) {
          seen.error = error;
        }
        kill('SIGTERM');
      },
    });
    expect(result).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{20,}\/$/);
    expect(seen).toEqual({
      page: [200, expect.stringContaining('<!doctype html>')],
      stats: 12288,
      events: 'event: hello',
      stranger: 401,
      unknown: 404,
      posted: 405,
      guard: expect.stringContaining("default-src 'none'"),
    });
  });

  test('is shown on the port that is asked for, if that is free', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const port = (other.address() as AddressInfo).port;
    const said = await refused(['inspect', pid, `--port=${port}`], 69, 'ERR_SUPERSLAB_PORT', { env });
    expect(said).toContain(`port ${port}`);
    await new Promise((resolve) => other.close(resolve));
    const { stdout, code } = await superslab(['inspect', pid, `--port=${port}`], {
      env,
      onOutput: (text, kill) => {
        if (text.includes('\n')) kill('SIGINT');
      },
    });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining(`http://127.0.0.1:${port}/`),
    });
  });
});

describe('a process that is not what it says', () => {
  // This one, whose socket is ours to write.
  const sockets = path.join(folder, 'superslab');
  const hello = {
    format: 1,
    pid: process.pid,
    title: 'made up',
    script: '',
    node: 'v20.0.0',
    version: '9.9.9',
  };
  let listening: { end: () => Promise<void> } | undefined;

  async function answerAs(answer: RequestListener): Promise<void> {
    mkdirSync(sockets, { mode: 0o700, recursive: true });
    const server = createServer(answer);
    await new Promise<void>((resolve) =>
      server.listen(socketFile(sockets, { pid: process.pid, namespace: pidNamespace('self') }), resolve),
    );
    listening = {
      end: async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }
  afterEach(async () => {
    await listening?.end();
    listening = undefined;
  });

  test('is told when a page no longer listens, and its faults stay its own', async () => {
    let left: () => void = () => {};
    const isLeft = new Promise<void>((resolve) => {
      left = resolve;
    });
    await answerAs((request, response) => {
      if (request.url === '/hello.json') response.end(JSON.stringify(hello));
      else if (request.url === '/events') response.on('close', left).write('event: hello\n\n');
      else request.socket.destroy();
    });
    let seen: unknown;
    const result = await superslab(['inspect', String(process.pid)], {
      env,
      onOutput: async (text, kill) => {
        if (!text.includes('\n')) return;
        const url = text.trim();
        const events = await fetch(`${url}events`);
        await events.body!.getReader().cancel();
        await isLeft;
        const broken = await fetch(`${url}stats.json`);
        seen = [events.headers.get('content-type'), broken.status, await broken.text()];
        kill('SIGTERM');
      },
    });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(seen).toEqual(['', 502, '']);
  });

  test('is refused when it speaks another language', async () => {
    await answerAs((_, response) => response.end(JSON.stringify({ ...hello, format: 2 })));
    for (const command of COMMANDS) {
      const said = await refused([command, String(process.pid)], 126, 'ERR_SUPERSLAB_UNREACHABLE', { env });
      expect(said).toContain('superslab 9.9.9');
    }
  });

  test('is refused when it is another process, or the socket is in a folder of everybody', async () => {
    await answerAs((_, response) => response.end(JSON.stringify({ ...hello, pid: 1 })));
    const pid = String(process.pid);
    await refused(['stats', pid], 126, 'ERR_SUPERSLAB_(NOT_USED|UNREACHABLE)', { env });
    await listening?.end();
    await answerAs((_, response) => response.end(JSON.stringify(hello)));
    chmodSync(sockets, 0o755);
    try {
      await refused(['stats', pid], 126, 'ERR_SUPERSLAB_(NOT_USED|UNREACHABLE)', { env });
    } finally {
      chmodSync(sockets, 0o700);
    }
  });
});

test('titles of processes do nothing to a terminal', async () => {
  const title = 'evil\u001b[31m\u009b2J\nprocess 1';
  const script = `process.title = ${JSON.stringify(title)}; ${program()}`;
  await using running = await startProcess(script, withSocket);
  for (const [command, code] of [
    ['stats', 0],
    ['report', 1],
  ] as const) {
    const result = await superslab([command, String(running.pid)], { env });
    expect(result.code).toBe(code);
    expect(result.stdout).not.toMatch(/[^\P{C}\n]/u);
    expect(result.stdout.split('\n')[0]).toContain('evil\\u{1b}[31m');
  }
});

describe('leaks', () => {
  test('are told with the place that acquired them', async () => {
    const script = `
      import { BufferPool } from 'superslab';
      const pool = new BufferPool({ name: 'leaky', leakDetection: 'full' });
      function leakHere() { pool.acquire(1500); }
      for (let i = 0; i < 2; i++) leakHere();
      pool.on('leak', ({ count }) => count === 2 && console.log('ready'));
      setInterval(gc, 20);`;
    await using running = await startProcess(script, { ...withSocket, nodeArguments: ['--expose-gc'] });
    const pid = String(running.pid);
    const { stdout } = await superslab(['stats', pid], { env });
    expect(stdout).toMatch(/^ {2}trouble: 2 collected without a release \(/m);
    expect(stdout).toMatch(
      /\nleaks: never released\n {2}2, last 1\.5 KiB \(pool "leaky"\), collected, .*\n( {2}\S.*\n)? {6}at leakHere /,
    );
    const { leaks } = await json(['stats', pid], { env });
    expect(leaks).toMatchObject([{ pool: 'leaky', count: 2, size: 1500 }]);
    const { pools } = await json(['report', pid, '--pool=leaky'], { env }, 1);
    expect(pools[0].advice[0]).toMatchObject({ id: 'leaks', severity: 'act' });
  });
});

describe('the end of the process', () => {
  test('is the end of watching', async () => {
    const running = await startProcess(program(), withSocket);
    const result = await superslab(['stats', String(running.pid), '--watch=0.1'], {
      env,
      onOutput: () => void running.end(),
    });
    expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining('uploads') });
    expect(result.stderr).toMatch(
      new RegExp(`^superslab: process ${running.pid} \\(.*node\\) has ended, or closed its inspector\n$`),
    );
  });

  test('is the end of its page', async () => {
    const running = await startProcess(program(), withSocket);
    const result = await superslab(['inspect', String(running.pid)], {
      env,
      onOutput: () => void running.end(),
    });
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^http:/) });
    expect(result.stderr).toMatch(
      new RegExp(`^superslab: process ${running.pid} \\(.*node\\) has ended, or closed its inspector\n$`),
    );
  });
});

describe('other ways in:', () => {
  test("the URL of the process's own inspector", async () => {
    const script = `import { startInspector } from 'superslab/inspector';
      const { url } = await startInspector();
      console.log(url);
      ${program().replace(/console.log.*/, '')}`;
    await using running = await startProcess(script);
    expect(poolNamed(await json(['stats', running.said]), 'uploads').inUseBytes).toBe(12288);
    expect(await json(['inspect', running.said])).toEqual({ url: running.said, pid: running.pid });
    await refused(['inspect', running.said, '--port=1'], 64, 'ERR_SUPERSLAB_USAGE');
    const wrong = running.said.replace(/\/[\w-]+\/$/, '/0123456789abcdef/');
    for (const command of COMMANDS) {
      const said = await refused([command, wrong], 126, 'ERR_SUPERSLAB_UNREACHABLE');
      expect(said).toContain('token');
      expect(said).not.toContain('0123456789abcdef');
    }
  });

  // A debugging port of its own, so that nobody is in its way.
  const nodeArguments = ['--inspect-port=127.0.0.1:0'];

  test('--attach, which opens the socket of a process that did not', async () => {
    await using running = await startProcess(program(), { env, nodeArguments });
    const pid = String(running.pid);
    for (const command of COMMANDS) {
      const said = await refused([command, pid], 126, 'ERR_SUPERSLAB_UNREACHABLE', { env });
      for (const way of ['SUPERSLAB_INSPECT=socket', 'startInspector()', '--attach'])
        expect(said).toContain(way);
    }
    expect(poolNamed(await json(['stats', pid, '--attach'], { env }), 'uploads').inUseBytes).toBe(12288);
    // It stays open.
    expect(poolNamed(await json(['stats', pid], { env }), 'uploads').inUseBytes).toBe(12288);
  });

  describe('--attach that fails', () => {
    const portOf = (running: Running) => /ws:\/\/127\.0\.0\.1:(\d+)\//.exec(running.complaints())?.[1];
    const isOpen = (port: string) =>
      fetch(`http://127.0.0.1:${port}/json/list`).then(
        () => true,
        () => false,
      );

    test.each([
      ['where no socket can be made', '', { XDG_RUNTIME_DIR: '/proc/none' }, 'threw an error'],
      [
        'while the thread is busy',
        'setTimeout(() => { for (const end = Date.now() + 8000; Date.now() < end; ); }, 300);',
        env,
        'busy',
      ],
    ])('leaves no debugging port behind %s', { timeout: 60_000 }, async (_, more, itsEnv, why) => {
      await using running = await startProcess(program(more), { env: itsEnv, nodeArguments });
      await new Promise((resolve) => setTimeout(resolve, 600));
      const said = await refused(
        ['stats', String(running.pid), '--attach'],
        126,
        'ERR_SUPERSLAB_UNREACHABLE',
        { env: itsEnv },
      );
      expect(said).toContain(why);
      const port = portOf(running)!;
      expect(port).toMatch(/^\d+$/);
      await vi.waitFor(async () => expect(await isOpen(port)).toBe(false), {
        timeout: 20_000,
        interval: 100,
      });
      // It lives on, and the port is not closed by its end.
      expect(() => process.kill(running.pid, 0)).not.toThrow();
    });
  });

  test('pools of a worker are seen too', async () => {
    const script = `import { Worker } from 'node:worker_threads';
      import 'superslab';
      new Worker(\`import { BufferPool } from 'superslab';
        const pool = new BufferPool({ name: 'of the worker' });
        const held = pool.acquire(1 << 20);
        setInterval(() => held.length, 1000);
        console.log('ready');\`, { eval: true });`;
    await using running = await startProcess(script, withSocket);
    const stats = await json(['stats', String(running.pid)], { env });
    expect(poolNamed(stats, 'of the worker').inUseBytes).toBe(1 << 20);
  });
});

describe('who is refused:', () => {
  const all = async (
    target: string,
    exitCode: number,
    code: string,
    options?: Parameters<typeof refused>[3],
  ) => {
    const said = [];
    for (const command of COMMANDS) said.push(await refused([command, target], exitCode, code, options));
    return said.join('');
  };

  test('nobody in particular', async () => {
    for (const command of COMMANDS) {
      await refused([command], 64, 'ERR_SUPERSLAB_USAGE');
      await refused([command, '1', '2'], 64, 'ERR_SUPERSLAB_USAGE');
    }
  });

  test('what is neither a process nor a URL', async () => {
    expect(await all('server.js', 64, 'ERR_SUPERSLAB_USAGE')).toContain('"server.js"');
    await refused(['stats', '-1'], 64, 'ERR_SUPERSLAB_USAGE');
    await refused(['stats', 'ftp://127.0.0.1/'], 64, 'ERR_SUPERSLAB_USAGE');
  });

  test('a process that does not exist', async () => {
    // Beyond the most that the kernel gives (PID_MAX_LIMIT).
    expect(await all('4194305', 127, 'ERR_SUPERSLAB_NO_PROCESS')).toContain('4194305');
  });

  test('a process without superslab, with --attach too', async () => {
    await using plain = await startProcess("console.log('ready'); setInterval(() => {}, 1000);");
    expect(await all(String(plain.pid), 126, 'ERR_SUPERSLAB_NOT_USED')).toContain('does not use superslab');
    await refused(['stats', String(plain.pid), '--attach'], 126, 'ERR_SUPERSLAB_NOT_USED');
    // Nothing was done to it.
    expect(plain.complaints()).toBe('');
    await using sleeping = await startProcess('', { command: ['sh', '-c', 'echo ready; exec sleep 60'] });
    expect(await all(String(sleeping.pid), 126, 'ERR_SUPERSLAB_NOT_USED')).toContain('(sleep)');
    await refused(['stats', String(sleeping.pid), '--attach'], 126, 'ERR_SUPERSLAB_NOT_USED');
    expect(() => process.kill(sleeping.pid, 0)).not.toThrow();
  });

  test.skipIf(!isRoot)('a process of another user', async () => {
    await using running = await startProcess(program(), withSocket);
    const said = await all(String(running.pid), 77, 'ERR_SUPERSLAB_PERMISSION', { uid: NOBODY, env });
    expect(said).toContain('user 0');
  });

  test('a URL behind which is something else, or nobody', async () => {
    const server = createServer((_, response) => response.end('{"hello":1}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await all(url, 126, 'ERR_SUPERSLAB_NOT_USED');
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await all(url, 126, 'ERR_SUPERSLAB_UNREACHABLE')).toContain('nobody listens');
  });

  test('all of them as JSON where that is asked for', async () => {
    for (const command of COMMANDS) {
      const { code, stdout, stderr } = await superslab([command, '4194305', '--json']);
      expect({ code, stdout }).toEqual({ code: 127, stdout: '' });
      expect(JSON.parse(stderr).error).toMatchObject({ code: 'ERR_SUPERSLAB_NO_PROCESS', exitCode: 127 });
    }
  });

  test('periods and ports that make no sense', async () => {
    await refused(['stats', '1', '--watch=0'], 64, 'ERR_SUPERSLAB_USAGE');
    await refused(['stats', '1', '--watch=soon'], 64, 'ERR_SUPERSLAB_USAGE');
    await refused(['inspect', '1', '--port=70000'], 64, 'ERR_SUPERSLAB_USAGE');
    await refused(['inspect', '1', '--port=9300.5'], 64, 'ERR_SUPERSLAB_USAGE');
  });
});
