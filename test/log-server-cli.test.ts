import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { because, isMissing } from './support/tools.mjs';

const MAIN = 'dist-dev/examples/log-server/main.js';
const run = promisify(execFile);
const hasLogger =
  spawnSync('logger', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') ?? false;
const noLogger = hasLogger ? undefined : isMissing('logger of util-linux', 'bsdutils');

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'log-server-test-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Waits for something to come true, however busy the machine. */
function until<T>(check: () => T): Promise<Awaited<T>> {
  return vi.waitFor(check, 10_000) as Promise<Awaited<T>>;
}

/** `npm start -- --serve` on free ports. */
async function serve(...args: string[]) {
  const ports = ['--tcp-port', '0', '--udp-port', '0', '--http-port', '0'];
  const child = spawn(process.execPath, [MAIN, '--serve', '--archive', directory, ...ports, ...args]);
  const printed: string[] = [];
  const exit = once(child, 'exit');
  createInterface({ input: child.stdout }).on('line', (line) => printed.push(line));
  child.stderr.pipe(process.stderr);
  const find = (pattern: RegExp) => printed.map((line) => pattern.exec(line)).find(Boolean)?.[1] ?? '';
  await until(() => expect(find(/^memory +(.*)/)).not.toBe(''));
  return {
    tcp: find(/TCP.*:(\d+)$/),
    udp: find(/UDP.*:(\d+)$/),
    http: find(/(http:\S+)\/tail/),
    archive: find(/^archive +(.*)/),
    printed,
    async kill() {
      child.kill('SIGKILL');
      await exit;
    },
    async stop() {
      child.kill('SIGTERM');
      return (await exit)[0] as number;
    },
  };
}

describe('npm start -- --serve', () => {
  it.skipIf(noLogger)(`takes messages from util-linux logger${because(noLogger)}`, async () => {
    const server = await serve();
    const logger = (...args: string[]) => run('logger', ['-n', '127.0.0.1', '-t', 'trial', ...args]);
    await logger('--tcp', '-P', server.tcp, '--rfc5424', 'tcp 5424');
    await logger('--tcp', '-P', server.tcp, '--rfc3164', 'tcp 3164');
    await logger('--tcp', '-P', server.tcp, '--octet-count', '--rfc5424', 'tcp counted');
    await logger('--tcp', '-P', server.tcp, '--octet-count', '--rfc3164', 'tcp counted 3164');
    await logger('--udp', '-P', server.udp, '--rfc5424', '--sd-id', 'x@1', '--sd-param', 'a="b"', 'udp 5424');
    await logger('--udp', '-P', server.udp, '--rfc3164', '-p', 'local3.err', 'udp 3164');
    const tail = async () => (await fetch(`${server.http}/tail?app=trial`)).json() as Promise<any[]>;
    await until(async () => expect(await tail()).toHaveLength(6));
    const entries = await tail();
    expect(entries.map(({ text }) => text).sort()).toEqual(
      ['tcp 5424', 'tcp 3164', 'tcp counted', 'tcp counted 3164', 'udp 5424', 'udp 3164'].sort(),
    );
    expect(entries.find(({ text }) => text === 'udp 5424').data['x@1']).toEqual({ a: 'b' });
    expect(entries.find(({ text }) => text === 'udp 3164')).toMatchObject({ facility: 19, severity: 'err' });
    expect(await server.stop()).toBe(0);
    expect(server.printed.at(-1)).toMatch(/^6 messages \(0 not syslog\)/);
    const { stdout } = await run(process.execPath, [MAIN, '--cat', server.archive]);
    expect(stdout.split('\n').filter((line) => /^<\d+>.* trial/.test(line))).toHaveLength(6);
  });

  it('says which port is taken', async () => {
    const server = await serve('--memory', 'plain');
    const args = ['--serve', '--tcp-port', server.tcp, '--archive', directory, '--memory', 'plain'];
    await expect(run(process.execPath, [MAIN, ...args])).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`address already in use 127.0.0.1:${server.tcp}`),
    });
    expect(await server.stop()).toBe(0);
  });
});

describe('npm start -- --serve, killed', () => {
  const send = async (port: string, text: string) => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.end(text);
    await once(socket, 'close');
  };

  it('has what it had when it is started again', async () => {
    const first = await serve();
    const lines = Array.from({ length: 2000 }, (_, n) => `<13>1 - host app - - - line ${n}\n`);
    await send(first.tcp, lines.join(''));
    const tail = async (http: string) => (await fetch(`${http}/tail?count=10000`)).json() as Promise<any[]>;
    await until(async () => expect(await tail(first.http)).toHaveLength(2000));
    const before = await tail(first.http);
    await first.kill();
    const again = await serve();
    expect(await tail(again.http)).toEqual(before);
    expect(again.printed.find((line) => line.startsWith('entries'))).toMatch(/ 2000, after \d+ ms$/);
    await send(again.tcp, '<13>1 - host app - - - one more\n');
    await until(async () => expect((await tail(again.http))[0]?.text).toBe('one more'));
    const archives = (await (await fetch(`${again.http}/archives`)).json()) as any[];
    expect(archives.map(({ archive }) => archive)).toEqual([again.archive, first.archive]);
    expect(await again.stop()).toBe(0);
  });

  it('says which file another server has', async () => {
    const server = await serve();
    const ports = ['--tcp-port', '0', '--udp-port', '0', '--http-port', '0'];
    await expect(
      run(process.execPath, [MAIN, '--serve', '--archive', directory, ...ports]),
    ).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('state.slab'),
    });
    expect(await server.stop()).toBe(0);
  });
});

describe('npm start', () => {
  const quick = ['--rounds', '1', '--lines', '1000', '--seconds', '1', '--rate', '20000'];

  it('compares the two kinds of memory on lines of any kind, and checks the archives', async () => {
    const file = join(directory, 'some.log');
    await writeFile(
      file,
      '<13>Feb  5 17:32:18 host app: one\nnot syslog\n\n12 digits\n<1>1 - - - - - -\nlast',
    );
    const { stdout, stderr } = await run(process.execPath, [MAIN, '--json', ...quick, file]);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({
      bench: 'log-server',
      log: { lines: 6, unparsed: 4 },
      rounds: 1,
      rate: 20000,
    });
    expect(result.rows.find((row: any) => row.unit === 'lines/s')).toMatchObject({
      case: 'throughput',
      superslab: expect.any(Number),
      peers: { pooled: expect.any(Number), plain: expect.any(Number) },
      ratios: { pooled: expect.any(Number), plain: expect.any(Number) },
    });
    expect(stderr).toBe('round 1 of 1\n');
  });

  it('reads standard input', async () => {
    const child = spawn(process.execPath, [MAIN, '--json', ...quick, '-'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    child.stdin.end('<1>from stdin\n'.repeat(10));
    const chunks = await child.stdout.toArray();
    expect(JSON.parse(Buffer.concat(chunks).toString()).log).toMatchObject({ lines: 10, unparsed: 0 });
  });

  it('names a file that cannot be read', async () => {
    await expect(run(process.execPath, [MAIN, 'no-such.log'])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('npm start: cannot read "no-such.log"'),
    });
  });
});
