// `superslab run`, as a user starts it: real programs, real ends.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { packageRoot } from './support/child.js';
import { type CliOptions, refused as commandRefused, superslab } from './support/cli.js';

const library = path.join(packageRoot, 'build/Release/libsuperslab.so');
const folder = mkdtempSync(path.join(tmpdir(), 'superslab-run-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (args: readonly string[], options?: CliOptions) => superslab(['run', ...args], options);

const refused = (args: readonly string[], exitCode: number, code: string, options?: CliOptions) =>
  commandRefused(['run', ...args], exitCode, code, options);

/** A copy of a small dynamic program, changed by `change`. */
function doctored(name: string, change: (bytes: Buffer) => void = () => {}): string {
  const file = path.join(folder, name);
  const bytes = readFileSync('/bin/true');
  change(bytes);
  writeFileSync(file, bytes, { mode: 0o755 });
  return file;
}

function script(name: string, text: string, mode = 0o755): string {
  const file = path.join(folder, name);
  writeFileSync(file, text, { mode });
  return file;
}

/** A copy of the package at `name`, with libsuperslab.so at `libraryPath` in it if that is given. */
function packageCopy(name: string, libraryPath?: string): string {
  const root = path.join(folder, name);
  for (const part of ['package.json', 'bin', 'dist']) {
    cpSync(path.join(packageRoot, part), path.join(root, part), { recursive: true });
  }
  symlinkSync(path.join(packageRoot, 'node_modules'), path.join(root, 'node_modules'));
  if (libraryPath !== undefined) {
    mkdirSync(path.dirname(path.join(root, libraryPath)), { recursive: true });
    copyFileSync(library, path.join(root, libraryPath));
  }
  return root;
}

const printMaps = "process.stdout.write(require('fs').readFileSync('/proc/self/maps', 'utf8'))";

describe.skipIf(!existsSync(library))('a program', () => {
  test('runs, with its arguments and its output', async () => {
    const result = await run(['ls', '-d', packageRoot]);
    expect(result).toEqual({ code: 0, signal: null, stdout: `${packageRoot}\n`, stderr: '' });
  });

  test('has the library in it, and what it starts too', async () => {
    expect((await run(['node', '-e', printMaps])).stdout).toContain(library);
    const nested = `require('child_process').execFileSync('cat', ['/proc/self/maps'], { stdio: 'inherit' })`;
    expect((await run([process.execPath, '-e', nested])).stdout).toContain(library);
  });

  test('is given its standard input', async () => {
    expect((await run(['cat'], { input: 'one\ntwo\n' })).stdout).toBe('one\ntwo\n');
  });

  test('keeps the name that it was called by', async () => {
    expect((await run(['sh', '-c', 'cat /proc/$$/cmdline'])).stdout.split('\0')[0]).toBe('sh');
  });

  test('keeps its options, with and without --', async () => {
    expect((await run(['echo', '--stats=1', '--', '-x'])).stdout).toBe('--stats=1 -- -x\n');
    expect((await run(['--', 'printf', '%s', '--help'])).stdout).toBe('--help');
  });

  test('may be a script, with or without a first line that names its interpreter', async () => {
    const named = script('named', '#!/bin/sh\necho "$LD_PRELOAD"\n');
    expect((await run([named])).stdout).toBe(`${library}\n`);
    expect((await run([script('unnamed', 'echo "$1"\n'), 'x'])).stdout).toBe('x\n');
  });

  test('may have other preloads: they come after ours, and ours comes once', async () => {
    const show = ['sh', '-c', 'echo "$LD_PRELOAD"'];
    const env = { LD_PRELOAD: `libm.so.6 ${library}` };
    expect((await run(show, { env })).stdout).toBe(`${library}:libm.so.6\n`);
  });
});

describe.skipIf(!existsSync(library))('its end', () => {
  test('is ours: the exit code', async () => {
    expect(await run(['sh', '-c', 'exit 7'])).toMatchObject({ code: 7, signal: null });
  });

  test('is ours: the signal', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGINT']) {
      const result = await run(['sh', '-c', `kill -${signal.slice(3)} $$`]);
      expect(result).toMatchObject({ code: null, signal });
    }
  });

  test('is ours as an exit code where Node does not die of the signal', async () => {
    for (const [name, number] of [['PIPE', 13] as const, ['USR1', 10] as const]) {
      expect(await run(['sh', '-c', `kill -${name} $$`])).toMatchObject({ code: 128 + number, signal: null });
    }
  });

  test('comes by the signals that we get', async () => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const) {
      const program = `process.on('${signal}', () => process.exit(9)); setInterval(() => {}, 1e6); console.log('up')`;
      const killed = await run(['node', '-e', program], {
        onOutput: (text, kill) => {
          if (text === 'up\n') kill(signal);
        },
      });
      expect(killed, signal).toMatchObject({ signal: null, code: 9, stdout: 'up\n' });
    }
  });
});

describe.skipIf(!existsSync(library))('knobs', () => {
  const show = ['sh', '-c', 'env | grep ^SUPERSLAB_ | sort'];

  test('become variables, however they are spelled; the last one counts', async () => {
    const args = [
      '--purge-delay-ms=1',
      '--purgeDelayMs=500',
      '--BIG_CACHE_BYTES=8m',
      '--profile=low-memory',
      '--',
    ];
    const { stdout, stderr } = await run([...args, ...show], { env: { SUPERSLAB_STATS: '0' } });
    expect({ lines: stdout.split('\n'), stderr }).toEqual({
      lines: [
        'SUPERSLAB_BIG_CACHE_BYTES=8m',
        'SUPERSLAB_PROFILE=low-memory',
        'SUPERSLAB_PURGE_DELAY_MS=500',
        'SUPERSLAB_STATS=0',
        '',
      ],
      stderr: '',
    });
  });

  test('win over the environment', async () => {
    const env = { SUPERSLAB_WAIT_MS: '1', SUPERSLAB_ZERO: 'never' };
    expect((await run(['--wait-ms=2', ...show], { env })).stdout).toBe(
      'SUPERSLAB_WAIT_MS=2\nSUPERSLAB_ZERO=never\n',
    );
    // A wrong value that is overridden is none.
    expect((await run(['--wait-ms=2', 'true'], { env: { SUPERSLAB_WAIT_MS: 'x' } })).code).toBe(0);
  });

  test('that do not exist are refused, with the nearest that does', async () => {
    expect(await refused(['--purge-dely-ms=5', 'true'], 64, 'ERR_SUPERSLAB_ENV')).toContain(
      'Unknown knob --purge-dely-ms: did you mean --purge-delay-ms?',
    );
    expect(await refused(['--xyzzy=5', 'true'], 64, 'ERR_SUPERSLAB_ENV')).toContain('there are --profile, ');
  });

  test('with impossible values are refused, with what is possible', async () => {
    expect(await refused(['--purgeDelayMs=soon', 'true'], 64, 'ERR_SUPERSLAB_ENV')).toContain(
      '--purge-delay-ms is "soon", which is not a whole number: give a whole number from 0 to 86400000 (ms)',
    );
    expect(await refused(['--cache-blocks=65', 'true'], 64, 'ERR_SUPERSLAB_ENV')).toContain('out of range');
    expect(await refused(['--profile=low', 'true'], 64, 'ERR_SUPERSLAB_ENV')).toContain('"low-memory"');
    expect(await refused(['--profile=', 'true'], 64, 'ERR_SUPERSLAB_ENV')).toContain('--profile is empty');
  });

  test('in the environment are checked too, and called by their own names', async () => {
    const env = { SUPERSLAB_PURGE_DELY_MS: '5' };
    expect(await refused(['true'], 64, 'ERR_SUPERSLAB_ENV', { env })).toContain(
      'Unknown environment variable SUPERSLAB_PURGE_DELY_MS: did you mean SUPERSLAB_PURGE_DELAY_MS?',
    );
  });

  test('may be followed by --json, which is none of them', async () => {
    const { stdout, stderr } = await run(['--json', '--wait-ms=2', ...show]);
    expect({ stdout, stderr }).toEqual({ stdout: 'SUPERSLAB_WAIT_MS=2\n', stderr: '' });
    // Behind the program it is the program's.
    expect((await run(['echo', '--json', '--help'])).stdout).toBe('--json --help\n');
  });

  test('need a value and a name', async () => {
    expect(await refused(['--stats', 'true'], 64, 'ERR_SUPERSLAB_USAGE')).toContain('write --stats=VALUE');
    for (const wrong of ['-s', '-s=1', '--=1', '--1=1']) {
      expect(await refused([wrong, 'true'], 64, 'ERR_SUPERSLAB_USAGE')).toContain('are written --knob=value');
    }
  });
});

describe.skipIf(!existsSync(library))('a program that cannot run on superslab is refused:', () => {
  test('none', async () => {
    await refused([], 64, 'ERR_SUPERSLAB_USAGE');
    await refused(['--stats=1', '--'], 64, 'ERR_SUPERSLAB_USAGE');
  });

  test('one that does not exist', async () => {
    expect(await refused(['superslab-no-such-program'], 127, 'ERR_SUPERSLAB_NOT_FOUND')).toContain('PATH');
    await refused([path.join(folder, 'nothing')], 127, 'ERR_SUPERSLAB_NOT_FOUND');
    await refused([''], 127, 'ERR_SUPERSLAB_NOT_FOUND');
    await refused(['true'], 127, 'ERR_SUPERSLAB_NOT_FOUND', { env: { PATH: folder } });
  });

  test('one that is not executable', async () => {
    await refused([script('plain', 'echo\n', 0o644)], 126, 'ERR_SUPERSLAB_NOT_EXECUTABLE');
    await refused([folder], 126, 'ERR_SUPERSLAB_NOT_EXECUTABLE');
  });

  test('a script without its interpreter', async () => {
    const file = script('orphan', '#!/superslab/no/such/interpreter -x\n');
    expect(await refused([file], 127, 'ERR_SUPERSLAB_NOT_FOUND')).toContain('/superslab/no/such/interpreter');
  });

  test('a statically linked one', async ({ skip }) => {
    const source = script('static.c', 'int main(void) { return 3; }\n', 0o644);
    const file = path.join(folder, 'static');
    for (const kind of ['-static', '-static-pie']) {
      try {
        execFileSync(process.env.CC ?? 'cc', [kind, '-o', file, source], { stdio: 'ignore' });
      } catch {
        skip(`no static C library to link with ${kind}`);
      }
      expect(await refused([file], 126, 'ERR_SUPERSLAB_STATIC')).toContain('nothing can be preloaded');
      // Through a script as well.
      await refused([script('by-static', `#!${file}\n`)], 126, 'ERR_SUPERSLAB_STATIC');
    }
  });

  test('one that changes the user', async ({ skip }) => {
    let file = '/usr/bin/su';
    if (process.getuid?.() === 0) {
      file = doctored('set-uid');
      chownSync(file, 65_534, 65_534);
      chmodSync(file, 0o4755);
    } else if (!existsSync(file) || (statSync(file).mode & 0o4000) === 0) {
      skip('no set-uid program of another user here');
    }
    await refused([file], 126, 'ERR_SUPERSLAB_SETUID');
  });

  test('one that changes the group', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('only root can give a file another group');
    const file = doctored('set-gid');
    chownSync(file, 0, 65_534);
    chmodSync(file, 0o2755);
    await refused([file], 126, 'ERR_SUPERSLAB_SETUID');
  });

  test('not one that is set-uid to the user who runs it', async () => {
    const file = doctored('set-to-self');
    chmodSync(file, 0o4755);
    expect((await run([file])).code).toBe(0);
  });

  test('one for another processor', async () => {
    const other = process.arch === 'arm64' ? 62 : 183;
    const file = doctored('foreign', (bytes) => bytes.writeUInt16LE(other, 18));
    expect(await refused([file], 126, 'ERR_SUPERSLAB_ARCH')).toContain(other === 62 ? 'x86-64' : 'arm64');
  });

  test('one that is for musl', async () => {
    const file = doctored('musl', (bytes) => {
      const at = bytes.indexOf('/ld-linux');
      const end = bytes.indexOf(0, at);
      bytes.fill(0, at, end);
      bytes.write('/ld-musl.so.1', at);
    });
    expect(await refused([file], 126, 'ERR_SUPERSLAB_LIBC')).toContain('glibc');
  });

  test('not a broken one: that is left to the system', async () => {
    for (const [from, to] of [
      [32, 64],
      [54, 58],
      [64, 900],
    ] as const) {
      const { code, stdout, stderr } = await run([
        doctored(`broken-${from}`, (bytes) => bytes.fill(0xff, from, to)),
      ]);
      expect({ stdout, isSuperslab: stderr.includes('    at ') }).toEqual({ stdout: '', isSuperslab: false });
      expect(code).not.toBe(0);
    }
  });
});

describe.skipIf(!existsSync(library))('the library', () => {
  test('is taken from the prebuilds where nothing was built', async () => {
    const root = packageCopy('prebuilt', `prebuilds/${process.platform}-${process.arch}/libsuperslab.so`);
    expect((await run(['node', '-e', printMaps], { root })).stdout).toContain(`${root}/prebuilds/`);
  });

  test('may be missing', async () => {
    const root = packageCopy('bare');
    expect(await refused(['true'], 126, 'ERR_SUPERSLAB_LIBRARY', { root })).toContain('node-gyp rebuild');
  });

  test('cannot lie in a folder that LD_PRELOAD cannot name', async () => {
    const root = packageCopy('with a space', 'build/Release/libsuperslab.so');
    expect(await refused(['true'], 126, 'ERR_SUPERSLAB_LIBRARY', { root })).toContain('space');
  });

  test('may be no library', async () => {
    const root = packageCopy('damaged', 'build/Release/libsuperslab.so');
    writeFileSync(path.join(root, 'build/Release/libsuperslab.so'), 'text');
    await refused(['true'], 126, 'ERR_SUPERSLAB_LIBRARY', { root });
  });

  test('does not exist on other systems', async () => {
    const disguise = script(
      'disguise.cjs',
      "Object.defineProperty(process, 'platform', { value: 'darwin' });",
    );
    const env = { NODE_OPTIONS: `--require=${disguise}` };
    expect(await refused(['true'], 126, 'ERR_SUPERSLAB_LIBRARY', { env })).toContain('darwin');
  });
});
