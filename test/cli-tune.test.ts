// `superslab record`, `tune`, `policy` and `run --policy`, as a user starts them.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import superslab, { policy } from 'superslab';
import { afterAll, describe, expect, test } from 'vitest';
import { packageRoot } from './support/child.js';
import { superslab as command, refused } from './support/cli.js';

const folder = mkdtempSync(path.join(tmpdir(), 'superslab-tune-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => path.join(folder, name);
const library = path.join(packageRoot, 'build/Release/libsuperslab.so');

const PROGRAM = `const parts = [];
for (let i = 0; i < 20000; i++) parts.push(JSON.stringify({ i }));
require('node:zlib').gzipSync(parts.join());`;

/** What `tune --json` says of a trace. */
async function tuned(file: string, ...args: string[]) {
  const { stdout, code, stderr } = await command(['tune', file, '--json', ...args]);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as {
    trace: { events: number; processes: number; dropped: number; isFull: boolean; lostFrees: number };
    rows: { kind: string; name: string; costNs: number; laterCostNs?: number; refills: number }[];
    policy: string;
  };
}

describe('superslab record', () => {
  test('writes what a program and those that it starts allocate, and ends as it ends', async () => {
    const file = at('sh.trace');
    const { code, stdout } = await command(['record', '-o', file, '--', 'sh', '-c', 'ls /; exit 7']);
    expect(code).toBe(7);
    expect(stdout).toContain('tmp');
    const { trace } = await tuned(file);
    expect(trace.processes).toBeGreaterThanOrEqual(2);
    expect(trace.events).toBeGreaterThan(100);
    expect([trace.dropped, trace.isFull, trace.lostFrees]).toEqual([0, false, 0]);
  });

  test('a program that is killed leaves a valid trace', async () => {
    const file = at('killed.trace');
    const child = spawn(
      process.execPath,
      ['-e', `${PROGRAM}; console.log(1); for (;;) Buffer.alloc(100000);`],
      {
        env: { ...process.env, LD_PRELOAD: library, SUPERSLAB_RECORD: file },
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    expect((await tuned(file)).trace.events).toBeGreaterThan(1000);
  });

  test('recording ends where the file is as long as it may be', async () => {
    const file = at('short.trace');
    const args = ['record', '-o', file, '--record-bytes=1m', '--', process.execPath, '-e', PROGRAM];
    expect((await command(args)).code).toBe(0);
    expect(statSync(file).size).toBeLessThanOrEqual(1024 * 1024 + 65_536);
    expect((await tuned(file)).trace.isFull).toBe(true);
  });

  test('replaces a trace, and nothing else', async () => {
    const other = at('other');
    writeFileSync(other, 'mine');
    await refused(['record', '-o', other, '--', 'true'], 126, 'ERR_SUPERSLAB_TRACE');
    expect(readFileSync(other, 'utf8')).toBe('mine');
    await refused(['record', '-o', at('no/folder/trace'), '--', 'true'], 126, 'ERR_SUPERSLAB_TRACE');
    await refused(['record', '--', 'true'], 64, 'ERR_SUPERSLAB_USAGE');
    const file = at('again.trace');
    for (const round of [1, 2]) {
      expect((await command(['record', '-o', file, '--', 'ls', '/'])).code, `round ${round}`).toBe(0);
      expect((await tuned(file)).trace.processes).toBe(1);
    }
  });
});

describe('superslab tune', () => {
  test('prints the same table each time, and writes a policy that run takes', async () => {
    const trace = at('node.trace');
    const file = at('node.policy');
    await command(['record', '-o', trace, '--', process.execPath, '-e', PROGRAM]);
    const once = await tuned(trace, '-o', file);
    expect(await tuned(trace)).toEqual(once);
    expect(readFileSync(file, 'utf8')).toBe(once.policy);
    expect(once.rows[0]).toMatchObject({ kind: 'default', name: 'defaults' });
    expect(once.rows.at(-1)).toMatchObject({ kind: 'best', name: 'tuned' });
    expect(once.rows.at(-1)!.costNs).toBeLessThanOrEqual(once.rows[0]!.costNs);
    expect(once.rows.map(({ name }) => name)).toContain('SUPERSLAB_CACHE_BLOCKS=4');
    expect(once.rows.filter(({ kind }) => kind === 'rule').length).toBeGreaterThanOrEqual(6);
    const { code, stdout } = await command(['run', `--policy=${file}`, '--', 'echo', 'ok']);
    expect([code, stdout]).toEqual([0, 'ok\n']);
    const { stdout: text } = await command(['tune', trace]);
    expect(text).toContain('HAKMEM, UCB1');
  });

  test('saved policies are replayed, and compete', async () => {
    const trace = at('contest.trace');
    const saved = at('saved');
    mkdirSync(saved);
    await command(['record', '-o', trace, '--', process.execPath, '-e', PROGRAM]);
    await tuned(trace, '-o', path.join(saved, 'tuned.policy'));
    const kindsOf = async (policies: string) => {
      const { rows } = await tuned(trace, `--saved=${policies}`);
      return rows.filter(({ kind }) => kind === 'saved' || kind === 'contest');
    };
    expect(await kindsOf(saved)).toMatchObject([{ kind: 'saved', name: path.join(saved, 'tuned.policy') }]);
    writeFileSync(path.join(saved, 'other.policy'), policy());
    const all = await kindsOf(saved);
    expect(all.map(({ kind }) => kind)).toEqual(['saved', 'saved', 'contest']);
    const costs = all.map(({ laterCostNs }) => laterCostNs ?? 0);
    expect(costs[2]).toBeGreaterThan(0);
    expect(costs[2]).toBeGreaterThanOrEqual(0.8 * Math.min(costs[0]!, costs[1]!));
    const list = all.slice(0, 2).map(({ name }) => name);
    expect(await kindsOf(list.join(':'))).toEqual(all);
    const { stdout } = await command(['tune', trace, `--saved=${saved}`]);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /the contest cost \d\.\d+ times what the best saved policy alone did/,
    );
  });

  test('saved policies that cannot be used are errors with words', async () => {
    const trace = at('contest.trace');
    const refuse = async (policies: string, code: number, error: string, words: string) =>
      expect(await refused(['tune', trace, `--saved=${policies}`], code, error)).toContain(words);
    await refuse(at('none.policy'), 126, 'ERR_SUPERSLAB_POLICY', 'cannot be read');
    const empty = at('empty');
    mkdirSync(empty);
    await refuse(empty, 126, 'ERR_SUPERSLAB_POLICY', 'no file of this folder ends in .policy');
    const garbage = at('garbage.policy');
    writeFileSync(garbage, 'garbage');
    await refuse(garbage, 126, 'ERR_SUPERSLAB_POLICY', '--saved names');
    await refuse(Array(9).fill(garbage).join(':'), 64, 'ERR_SUPERSLAB_USAGE', '8 at most');
    await refuse(':', 64, 'ERR_SUPERSLAB_USAGE', '--saved lacks its value');
  });

  test('garbage, what was cut and another version are errors with words', async () => {
    const file = at('bad.trace');
    const refuse = async (bytes: Buffer | string, words: string) => {
      writeFileSync(file, bytes);
      expect(await refused(['tune', file], 126, 'ERR_SUPERSLAB_TRACE')).toContain(words);
    };
    await refuse('garbage', 'no trace');
    await refuse('', 'no trace');
    const good = at('good.trace');
    await command(['record', '-o', good, '--', 'ls', '/']);
    const bytes = readFileSync(good);
    await refuse(bytes.subarray(0, 100), 'cut');
    const other = Buffer.from(bytes);
    other.writeUInt32LE(2, 8);
    await refuse(other, 'version 2');
    const damaged = Buffer.from(bytes);
    damaged.writeUInt32LE(77, 65_536);
    await refuse(damaged, 'damaged');
    await refuse(bytes.subarray(0, 65_536), 'no events');
    await refused(['tune', at('none')], 126, 'ERR_SUPERSLAB_TRACE');
  });
});

describe('a policy', () => {
  const good = () => policy();

  test('of this process is one that this machine takes', async () => {
    expect(superslab.name).toBe('default');
    const file = at('own.policy');
    writeFileSync(file, good());
    expect((await command(['run', `--policy=${file}`, '--', 'true'])).code).toBe(0);
  });

  test('of another machine, cut or garbage is refused by addon, command and library', async () => {
    const file = at('bad.policy');
    const refuse = async (text: string, words: string) => {
      writeFileSync(file, text);
      const message = await refused(['run', `--policy=${file}`, '--', 'true'], 126, 'ERR_SUPERSLAB_POLICY');
      expect(message).toContain(words);
    };
    await refuse('garbage', 'no policy file');
    await refuse(good().slice(0, -8), 'cut or changed');
    await refuse(good().replace('superslab 0', 'superslab 9'), 'cut or changed');
    const child = spawn('true', { env: { LD_PRELOAD: library, SUPERSLAB_POLICY: file } });
    let told = '';
    child.stderr.on('data', (part) => {
      told += part;
    });
    await new Promise((resolve) => child.once('close', resolve));
    expect(told).toContain(`SUPERSLAB_POLICY is "${file}"`);
  });

  test('is what pools start with, and variables win over it', async () => {
    const file = at('values.policy');
    const show = `const { policy } = require('superslab'); process.stdout.write(policy());`;
    const text = async (env: NodeJS.ProcessEnv) => {
      const child = spawn(process.execPath, ['-e', show], {
        cwd: packageRoot,
        env: { ...process.env, ...env },
      });
      let out = '';
      child.stdout.on('data', (part) => {
        out += part;
      });
      await new Promise((resolve) => child.once('close', resolve));
      return out;
    };
    const first = await text({ SUPERSLAB_PURGE_DELAY_MS: '77', SUPERSLAB_CACHE_BLOCKS: '64,512:32' });
    expect(first).toContain('set SUPERSLAB_PURGE_DELAY_MS 77\n');
    expect(first).toMatch(/^class \d+ 32$/m);
    writeFileSync(file, first);
    expect(await text({ SUPERSLAB_POLICY: file })).toBe(first);
    expect(await text({ SUPERSLAB_POLICY: file, SUPERSLAB_PURGE_DELAY_MS: '5' })).toContain(
      'set SUPERSLAB_PURGE_DELAY_MS 5\n',
    );
  });

  test('of a running process is saved', async () => {
    const child = spawn(
      process.execPath,
      ['-e', `require('superslab'); console.log(1); setInterval(() => {}, 1000);`],
      {
        cwd: packageRoot,
        env: { ...process.env, SUPERSLAB_INSPECT: 'socket', SUPERSLAB_PURGE_DELAY_MS: '88' },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve));
      const file = at('saved.policy');
      expect((await command(['policy', String(child.pid), '--save', file])).code).toBe(0);
      expect(existsSync(file)).toBe(true);
      expect(readFileSync(file, 'utf8')).toContain('set SUPERSLAB_PURGE_DELAY_MS 88\n');
      expect((await command(['policy', String(child.pid)])).stdout).toBe(readFileSync(file, 'utf8'));
    } finally {
      child.kill();
    }
  });
});
