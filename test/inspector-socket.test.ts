// The socket by which the command line looks into a process, and how it finds processes.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startInspector } from 'superslab/inspector';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { packageRoot } from './support/child.js';
import { decodeMap } from './support/events.js';

const require = createRequire(import.meta.url);
const { readEvents, resolveTarget } =
  require('../dist/cjs/cli/target.js') as typeof import('../lib/cli/target.js');
const { decodeFrame, encodeFrame } =
  require('../dist/cjs/cli/websocket.js') as typeof import('../lib/cli/websocket.js');
const socketPath =
  require('../dist/cjs/inspector/socket-path.js') as typeof import('../lib/inspector/socket-path.js');
const { loopbackPorts } = require('../dist/cjs/cli/proc.js') as typeof import('../lib/cli/proc.js');

const isRoot = process.getuid?.() === 0;

let runtimeFolder: string;
let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  runtimeFolder = mkdtempSync(path.join(tmpdir(), 'ss-'));
  folder = path.join(runtimeFolder, 'superslab');
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  }
  rmSync(runtimeFolder, { recursive: true, force: true });
});

interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly stderr: () => string;
  readonly ended: Promise<unknown>;
}

/** A process that runs `script` (CommonJS) and then waits, once it has said that it is ready. */
function start(
  script: string,
  env: Record<string, string> = {},
  nodeArguments: string[] = [],
): Promise<Running> {
  const text = `${script}; setInterval(() => {}, 1000); setTimeout(() => console.log('ready'), 50);`;
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SUPERSLAB_'));
  const child = spawn(process.execPath, [...nodeArguments, '-e', text], {
    cwd: packageRoot,
    env: { ...Object.fromEntries(inherited), XDG_RUNTIME_DIR: runtimeFolder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let stderr = '';
  child.stderr!.on('data', (part) => {
    stderr += part;
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`ended early: ${stderr}`)));
    child.stdout!.once('data', () => resolve({ child, pid: child.pid!, stderr: () => stderr, ended }));
  });
}

const superslab = "require('./dist/cjs/index.js')";
const namespace = socketPath.pidNamespace('self');
const canUnshare =
  spawnSync('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', 'true']).status === 0;
const socketOf = (pid: number) => socketPath.socketFile(folder, { pid, namespace });
const nameOf = (pid: number) => path.basename(socketOf(pid));
const opened = async (pid: number) => {
  for (let i = 0; i < 100 && !existsSync(socketOf(pid)); i++) await pause(20);
};
const mode = (file: string) => lstatSync(file).mode & 0o777;

const failure = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  return { code: error?.code, exitCode: error?.exitCode, message: error?.message as string };
};

describe('the socket', () => {
  test('is for its user alone, tells everything, and goes with the process', async () => {
    const { child, pid, ended } = await start(superslab, { SUPERSLAB_INSPECT: 'socket' });
    await opened(pid);
    expect([mode(folder), mode(socketOf(pid))]).toEqual([0o700, 0o600]);
    const target = await resolveTarget(String(pid));
    expect([target.kind, target.hello.pid]).toEqual(['socket', pid]);
    expect(target.title).toContain(`process ${pid} (`);
    expect((await target.getJson<any>('stats.json')).pid).toBe(pid);
    expect((await target.getJson<any>('memory.json')).rssBytes).toBeGreaterThanOrEqual(0);
    expect(await target.getText('report.txt')).toContain('superslab pool "default"');
    expect((await failure(target.getJson('nothing.json'))).code).toBe('ERR_SUPERSLAB_NOT_USED');
    const seen: string[] = [];
    for await (const { event, data } of target.events()) {
      seen.push(event);
      if (event !== 'map') continue;
      expect(decodeMap(data).full).toBe(true);
      break;
    }
    expect(seen).toEqual(['hello', 'pools', 'stats', 'leaks', 'misuse', 'map']);
    // A process that is told to end does so, though somebody listens.
    const rest = target.events()[Symbol.asyncIterator]();
    await rest.next();
    child.kill('SIGTERM');
    await ended;
    while (!(await rest.next()).done);
    expect((await failure(resolveTarget(String(pid)))).code).toBe('ERR_SUPERSLAB_NO_PROCESS');
  });

  test('is not there unless it was asked for', async () => {
    await start(superslab);
    expect(existsSync(folder)).toBe(false);
  });

  test('startInspector() opens it, and an end by process.exit() removes it', async () => {
    const script = `require('./dist/cjs/inspector.js').startInspector(); process.on('SIGUSR2', () => process.exit())`;
    const { child, pid, ended } = await start(script);
    await opened(pid);
    expect((await resolveTarget(String(pid))).hello.pid).toBe(pid);
    child.kill('SIGUSR2');
    await ended;
    expect(readdirSync(folder)).toEqual([]);
  });

  test('what killed processes left behind is cleared away by the next', async () => {
    const first = await start(superslab, { SUPERSLAB_INSPECT: 'socket' });
    await opened(first.pid);
    first.child.kill('SIGKILL');
    await first.ended;
    expect(existsSync(socketOf(first.pid))).toBe(true);
    const alive = await start(superslab, { SUPERSLAB_INSPECT: 'socket' });
    await opened(alive.pid);
    const second = await start(superslab, { SUPERSLAB_INSPECT: 'socket' });
    await opened(second.pid);
    expect(readdirSync(folder).sort()).toEqual([nameOf(alive.pid), nameOf(second.pid)].sort());
  });

  test('workers share the one of their process', async () => {
    const script = `${superslab}; const { Worker } = require('node:worker_threads');
      for (let i = 0; i < 3; i++) new Worker(${JSON.stringify(`${superslab}; setInterval(() => {}, 1000)`)}, { eval: true })`;
    const { pid, stderr } = await start(script, { SUPERSLAB_INSPECT: 'socket' });
    await opened(pid);
    await pause(300);
    expect(readdirSync(folder)).toEqual([nameOf(pid)]);
    expect((await resolveTarget(String(pid))).hello.threadId).toBe(0);
    expect(stderr()).toBe('');
  });

  test.each([
    [
      'lets others in',
      () => {
        mkdirSync(folder);
        chmodSync(folder, 0o755);
      },
      /lets other users in \(mode 755\); chmod 700/,
    ],
    ['is a link', () => symlinkSync(tmpdir(), folder), /is a link/],
    ['is no folder', () => require('node:fs').writeFileSync(folder, ''), /is no folder/],
    [
      'cannot be made',
      () => rmSync(runtimeFolder, { recursive: true }),
      /cannot make .*; set XDG_RUNTIME_DIR/,
    ],
  ])('a folder that %s is not used, and the process goes on', async (_what, prepare, message) => {
    prepare();
    const { pid, stderr } = await start(superslab, { SUPERSLAB_INSPECT: 'socket' });
    for (let i = 0; i < 100 && stderr() === ''; i++) await pause(20);
    expect(stderr()).toMatch(message);
    expect(stderr()).toContain('ERR_SUPERSLAB_SOCKET');
    expect(existsSync(socketOf(pid))).toBe(false);
  });

  test.runIf(isRoot)('a folder of another user is not used', () => {
    mkdirSync(folder, { mode: 0o700 });
    require('node:fs').chownSync(folder, 65_534, 65_534);
    expect(socketPath.folderFault(folder, 0)).toBe('belongs to user 65534, not to 0');
    expect(socketPath.folderFault(folder, 65_534)).toBeUndefined();
  });

  test('where it lies', () => {
    expect(socketPath.socketFolder(1000, '/run/user/1000')).toBe('/run/user/1000/superslab');
    expect(socketPath.socketFolder(1000, undefined)).toBe('/tmp/superslab-1000');
    expect(socketPath.socketFolder(1000, 'not/absolute')).toBe('/tmp/superslab-1000');
    for (const owner of [
      { pid: 4711, namespace: undefined },
      { pid: 1, namespace: '4026531836' },
    ]) {
      expect(socketPath.ownerOfSocket(path.basename(socketPath.socketFile('/x', owner)))).toEqual(owner);
    }
    for (const name of ['4711.sock.x', '0.sock', 'a.sock', '-1.sock', '4711', '1-.sock', '1-2-3.sock']) {
      expect(socketPath.ownerOfSocket(name)).toBeUndefined();
    }
  });

  // As two containers do that share the folder as a volume.
  test.runIf(canUnshare)('two processes of one number in two namespaces each have their own', async () => {
    const script = `${superslab}; setInterval(() => {}, 1000)`;
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SUPERSLAB_'));
    const env = {
      ...Object.fromEntries(inherited),
      XDG_RUNTIME_DIR: runtimeFolder,
      SUPERSLAB_INSPECT: 'socket',
    };
    const arguments_ = ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, '-e', script];
    for (let i = 0; i < 2; i++)
      children.push(spawn('unshare', arguments_, { cwd: packageRoot, env, stdio: 'ignore' }));
    await expect.poll(() => existsSync(folder) && readdirSync(folder).length).toBe(2);
    const owners = readdirSync(folder).map((name) => socketPath.ownerOfSocket(name));
    expect(owners.map((owner) => owner?.pid)).toEqual([1, 1]);
    expect(owners[0]!.namespace).not.toBe(owners[1]!.namespace);
    // One of our own leaves them alone: their numbers say nothing here.
    const { pid } = await start(superslab, { SUPERSLAB_INSPECT: 'socket' });
    await opened(pid);
    expect(readdirSync(folder)).toHaveLength(3);
    expect((await resolveTarget(String(pid))).hello.pid).toBe(pid);
  });
});

describe('what the command line says of', () => {
  test('a process with superslab and without a socket', async () => {
    const { pid } = await start(superslab);
    const { code, exitCode, message } = await failure(resolveTarget(String(pid)));
    expect([code, exitCode]).toEqual(['ERR_SUPERSLAB_UNREACHABLE', 126]);
    for (const way of ['SUPERSLAB_INSPECT=socket', 'startInspector()', '--attach'])
      expect(message).toContain(way);
  });

  test('a process without superslab, also with --attach', async () => {
    const { pid, stderr } = await start('');
    for (const attach of [false, true]) {
      const { code, exitCode, message } = await failure(resolveTarget(String(pid), { attach }));
      expect([code, exitCode]).toEqual(['ERR_SUPERSLAB_NOT_USED', 126]);
      expect(message).toMatch(/process \d+ \(\w+\) does not use superslab$/);
    }
    expect(stderr()).toBe(''); // no signal was sent
  });

  test('no process', async () => {
    const { code, exitCode, message } = await failure(resolveTarget('4194303'));
    expect([code, exitCode, message]).toEqual([
      'ERR_SUPERSLAB_NO_PROCESS',
      127,
      'ERR_SUPERSLAB_NO_PROCESS: no process 4194303',
    ]);
  });

  test.each(['word', '', 'ftp://localhost/', '-1', '1.5'])('%j', async (text) => {
    const { code, exitCode } = await failure(resolveTarget(text));
    expect([code, exitCode]).toEqual(['ERR_SUPERSLAB_USAGE', 64]);
  });

  test.runIf(isRoot)("another user's process", async () => {
    const { pid } = await start(superslab, { SUPERSLAB_INSPECT: 'socket' });
    await opened(pid);
    const script = `require('./dist/cjs/cli/target.js').resolveTarget('${pid}')
      .then(() => console.log('in'), (e) => console.log(e.exitCode, e.message))`;
    const other = spawn(process.execPath, ['-e', `process.setgid(65534); process.setuid(65534); ${script}`], {
      cwd: packageRoot,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    for await (const part of other.stdout) said += part;
    expect(said).toMatch(
      /^77 ERR_SUPERSLAB_PERMISSION: process \d+ \(\w+\) belongs to user 0; run the command as/,
    );
  });

  test('a URL, with its token in either place', async () => {
    const inspector = await startInspector();
    const origin = `http://127.0.0.1:${inspector.port}`;
    for (const url of [inspector.url, inspector.url.slice(0, -1), `${origin}/?token=${inspector.token}`]) {
      const target = await resolveTarget(url);
      expect([target.kind, target.hello.pid]).toEqual(['url', process.pid]);
    }
    const wrong = await failure(resolveTarget(`${origin}/?token=wrong`));
    expect([wrong.code, wrong.exitCode]).toEqual(['ERR_SUPERSLAB_UNREACHABLE', 126]);
    expect(wrong.message).toContain('does not know this token');
    expect(wrong.message).not.toContain('wrong');
    await inspector.close();
    const closed = await failure(resolveTarget(inspector.url));
    expect(closed.message).toContain('nobody listens');
    expect(closed.message).not.toContain(inspector.token);
  });

  test('another server', async () => {
    const server = createServer((asked, response) => {
      response.writeHead(asked.url!.includes('404') ? 404 : 200);
      response.end(asked.url!.includes('json404') ? '' : '{"hello":"world"}');
    }).listen(0);
    const { port } = server.address() as AddressInfo;
    for (const where of ['', '404/']) {
      const { code, message } = await failure(resolveTarget(`http://127.0.0.1:${port}/${where}`));
      expect([code, message]).toEqual([
        'ERR_SUPERSLAB_NOT_USED',
        expect.stringContaining('no inspector of superslab'),
      ]);
    }
    server.close();
  });
});

describe('--attach', () => {
  test('opens the socket of a process that did not, and leaves no debugging port', async () => {
    const { pid, child, stderr } = await start(superslab);
    const target = await resolveTarget(String(pid), { attach: true });
    expect(target.hello.pid).toBe(pid);
    expect((await target.getJson<any>('stats.json')).pid).toBe(pid);
    // Well before the time after which it is closed in any case.
    for (const end = performance.now() + 2500; loopbackPorts(pid).size > 0 && performance.now() < end; )
      await pause(20);
    expect([...loopbackPorts(pid)]).toEqual([]);
    expect(stderr()).toContain('Debugger ending');
    expect(child.signalCode).toBeNull();
    // The next one finds the socket.
    expect((await resolveTarget(String(pid))).kind).toBe('socket');
  });

  test('a process that would be ended by the signal is left alone', async () => {
    const script = `${superslab}; process.on('SIGUSR1', () => {}); process.removeAllListeners('SIGUSR1')`;
    const { pid, child } = await start(script);
    const { code, message } = await failure(resolveTarget(String(pid), { attach: true }));
    expect([code, message]).toEqual([
      'ERR_SUPERSLAB_UNREACHABLE',
      expect.stringContaining('ended by SIGUSR1'),
    ]);
    expect(child.exitCode).toBeNull();
    expect(child.signalCode).toBeNull();
  });
});

describe('codecs', () => {
  test('frames of every kind of length', () => {
    for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]) {
      const payload = Buffer.alloc(length, 'abc');
      const sent = encodeFrame(1, payload, Buffer.from([1, 2, 3, 4]));
      expect(sent[1]! & 0x80).toBe(0x80); // clients mask
      const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
      const received = Buffer.concat([sent.subarray(0, head), payload]);
      received[1] = received[1]! & 0x7f; // servers do not
      for (const cut of [0, 1, head - 1, received.length - 1].filter((at) => at < received.length)) {
        expect(decodeFrame(received.subarray(0, cut))).toBeUndefined();
      }
      const frame = decodeFrame(Buffer.concat([received, Buffer.from('next')]))!;
      expect([frame.final, frame.opcode, frame.bytes]).toEqual([true, 1, received.length]);
      expect(frame.payload.equals(payload)).toBe(true);
      const unmasked = sent.subarray(head + 4).map((byte, i) => byte ^ [1, 2, 3, 4][i & 3]!);
      expect(Buffer.from(unmasked).equals(payload)).toBe(true);
    }
    expect(() => decodeFrame(Buffer.from([0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0]))).toThrow(/a message of/);
  });

  test('events, wherever the stream is cut', async () => {
    const bytes = Buffer.from(
      'event: stats\ndata: {"name":"ü漢"}\n\ndata: one\ndata: two\n\n: ping\n\nevent: x\ndata: y\n\n',
    );
    for (let cut = 0; cut <= bytes.length; cut++) {
      const seen = [];
      const parts = async function* () {
        yield bytes.subarray(0, cut);
        yield bytes.subarray(cut);
      };
      for await (const event of readEvents(parts())) seen.push(event);
      expect(seen).toEqual([
        { event: 'stats', data: '{"name":"ü漢"}' },
        { event: 'message', data: 'one\ntwo' },
        { event: 'x', data: 'y' },
      ]);
    }
  });
});
