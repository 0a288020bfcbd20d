// libsuperslab.so under programs: each test/shim/*.c and *.cc is one, compiled here and run with it
// preloaded. SHIM_LIBRARY names another library than build/Release/libsuperslab.so.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { arch } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { packageRoot } from './support/child.js';

const execute = promisify(execFile);

const library = path.resolve(
  process.env.SHIM_LIBRARY ?? path.join(packageRoot, 'build/Release/libsuperslab.so'),
);
const sources = path.join(packageRoot, 'test/shim');
const include = path.join(packageRoot, 'native/include');
const headers = [
  path.join(sources, 'check.h'),
  ...readdirSync(include).map((file) => path.join(include, file)),
];
const output = path.join(packageRoot, 'build/shim-tests');
const compiler = process.env.CXX ?? 'g++';

const flags = [
  ...['-g', '-O1', '-Wall', '-Wextra', '-Werror', '-pthread'],
  // A compiler knows what malloc does, and leaves out pairs of malloc and free.
  ...['malloc', 'calloc', 'realloc', 'free'].map((name) => `-fno-builtin-${name}`),
  ...['-I', include],
];

interface Options {
  /** Of the file that is made; else the source's without its ending. */
  readonly name?: string;
  readonly standard?: string;
  readonly flags?: readonly string[];
  /** Whether libsuperslab.so is among its dependencies, where it uses it. */
  readonly linked?: boolean;
}

/** Compiles what is out of date and returns the program. */
async function compile(
  file: string,
  { name = path.parse(file).name, standard, flags: more = [], linked = true }: Options = {},
) {
  const source = path.join(sources, file);
  const program = path.join(output, name);
  const made = existsSync(program) ? statSync(program).mtimeMs : 0;
  if ([source, ...headers, library].every((input) => statSync(input).mtimeMs < made)) return program;
  mkdirSync(output, { recursive: true });
  const [language, usual] = file.endsWith('.c') ? ['c', 'gnu11'] : ['c++', 'gnu++20'];
  const input = ['-x', language, `-std=${standard ?? usual}`, source, '-x', 'none'];
  // As needed: a program in C stays one without a C++ library.
  const own = linked ? [library, `-Wl,-rpath,${path.dirname(library)}`] : [];
  const libraries = ['-Wl,--as-needed', ...own, '-ldl'];
  await execute(compiler, [...flags, ...more, ...input, ...libraries, '-o', program]);
  return program;
}

interface Run {
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  /** A shell command before it, such as "ulimit -v 4000000". */
  readonly limit?: string;
}

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program under the library; never rejects. */
function run(program: string, { args = [], env = {}, limit }: Run = {}): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SUPERSLAB_'));
  // The shell itself runs without the library and its limit.
  const preload = ['env', `LD_PRELOAD=${library}`, program, ...args];
  const command = ['-c', `${limit ?? 'ulimit -c 0'}; exec "$@"`, 'sh', ...preload];
  return new Promise((resolve) => {
    const options = {
      env: { ...Object.fromEntries(inherited), ...env },
      timeout: 100_000,
      maxBuffer: 16 << 20,
    };
    execFile('/bin/sh', command, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, signal: error?.signal ?? null, stdout, stderr });
    });
  });
}

const succeeded = { code: 0, signal: null, stderr: '' };

describe.skipIf(process.platform !== 'linux')('libsuperslab.so', { timeout: 120_000 }, () => {
  test('is built', () => {
    expect(existsSync(library), `no ${library}; build it with: npm run build -- shim`).toBe(true);
  });

  /** Programs that have their own tests below, because they take arguments or are read. */
  const special = new Set([
    'fork_anywhere.cc',
    ...['deepbind.c', 'deepbind_library.c', 'dlopen_library.c', 'plugin.cc', 'exit_handlers.c', 'foreign.c'],
    ...['header.c', 'header.cc'],
    ...['addresses.c', 'limited_memory.cc', 'malloc_info.c', 'misuse.cc', 'stats_json.c'],
    ...['stays_alone.c', 'gives_back.c', 'held_locks.c', 'hold_plugin.c', 'small_stack.c'],
    ...['memory_limit.c', 'pressure.c'],
  ]);
  const plain = readdirSync(sources).filter((file) => /\.cc?$/.test(file) && !special.has(file));

  test.for(plain)('%s', async (file) => {
    expect(await run(await compile(file))).toMatchObject(succeeded);
  });

  test('a fork while another thread is at any instruction', async ({ skip }) => {
    const ended = await run(await compile('fork_anywhere.cc'));
    skip(ended.code === 77, 'ptrace is not allowed here');
    expect(ended, ended.stdout).toMatchObject(succeeded);
  });

  test('a library that is loaded later', async () => {
    const program = await compile('dlopen_library.c');
    const plugin = await compile('plugin.cc', { name: 'plugin.so', flags: ['-shared', '-fPIC'] });
    expect(await run(program, { args: [plugin] })).toMatchObject(succeeded);
  });

  describe('RTLD_DEEPBIND', () => {
    // The library that is opened by its name alone lies beside the one that opens it, and is found there
    // for as long as dlopen() sees who called.
    const build = async () => {
      const program = await compile('deepbind.c');
      const shared = ['-shared', '-fPIC', '-Wl,-rpath,$ORIGIN', '-Wl,--enable-new-dtags'];
      const folder = path.join(output, 'deepbind-libraries');
      mkdirSync(folder, { recursive: true });
      await compile('deepbind_library.c', {
        name: 'deepbind-libraries/outer.so',
        flags: [...shared, '-DINNER="deepbind_inner.so"'],
        linked: false,
      });
      await compile('deepbind_library.c', {
        name: 'deepbind-libraries/deepbind_inner.so',
        flags: shared,
        linked: false,
      });
      return { program, outer: path.join(folder, 'outer.so') };
    };
    test.for(['dlopen', 'dlopen-plain', 'dlmopen', 'dlmopen-plain'])(
      '%s: blocks go from the program to the library and back',
      async (how) => {
        const { program, outer } = await build();
        const ended = await run(program, { args: [how, outer] });
        expect(ended).toMatchObject({ ...succeeded, stdout: 'its own dependencies last\n' });
      },
    );
    test('is left alone with SUPERSLAB_ALLOW_DEEPBIND=1', async () => {
      const { program, outer } = await build();
      const env = { SUPERSLAB_ALLOW_DEEPBIND: '1' };
      const ended = await run(program, { args: ['look', outer], env });
      expect(ended).toMatchObject({ ...succeeded, stdout: 'its own dependencies first\n' });
    });
    test('another namespace keeps it', async () => {
      const { program, outer } = await build();
      expect(await run(program, { args: ['namespace', outer] })).toMatchObject(succeeded);
    });
  });

  test('handlers that run at exit', async () => {
    const ended = await run(await compile('exit_handlers.c'));
    expect(ended).toMatchObject({ ...succeeded, stdout: 'handlers ran\n' });
  });

  test('a program with one thread keeps one, and its exit handlers run on it', async () => {
    const ended = await run(await compile('stays_alone.c'));
    expect(ended).toMatchObject({ ...succeeded, stdout: 'handled\n' });
  });

  test('takes at most 4 KiB of the smallest stacks', async () => {
    const { stdout, ...ended } = await run(await compile('small_stack.c', { flags: ['-Wl,-z,now'] }));
    expect(ended, stdout).toMatchObject(succeeded);
  });

  describe('allocates and frees while others hold a lock:', () => {
    test.for([
      ...["the loader's, in dl_iterate_phdr()", "the loader's, in a constructor", "a stream's"],
      ...["the list of streams'", 'those of locales, variables and names, by turns'],
      ...["the handlers' of fork()", 'none, in the last steps of a thread'],
    ])('%s', async (what) => {
      const plugin = await compile('hold_plugin.c', { name: 'hold.so', flags: ['-shared', '-fPIC'] });
      const { stderr, ...ended } = await run(await compile('held_locks.c'), { args: [what, plugin] });
      expect(ended, stderr).toMatchObject({ code: 0, signal: null });
    });
  });

  describe('gives back what is idle beyond the bound when it is freed:', () => {
    test.for([
      ...['few large blocks', 'blocks beyond 2 MiB', 'small blocks', 'pages between blocks'],
      ...['a thread that ends', "another thread's blocks", 'a loop'],
    ])('%s', async (what) => {
      // Whether a loop comes back soon must not hang on how busy this machine is.
      const env = { SUPERSLAB_MALLOC_PURGE_DELAY_MS: '60000' };
      expect(await run(await compile('gives_back.c'), { args: [what], env })).toMatchObject(succeeded);
    });
  });

  describe('gives back what lies idle while memory is scarce if it is wanted by', () => {
    test.for<[string, Record<string, string>?]>([
      ['nobody'],
      ['a variable', { SUPERSLAB_MALLOC_PRESSURE: '1' }],
      ['a call'],
      ['a call in a child'],
      ['switched off', { SUPERSLAB_PRESSURE: '0', SUPERSLAB_MALLOC_PRESSURE: '1' }],
    ])('%s', async ([what, more]) => {
      const env = {
        SUPERSLAB_MALLOC_PURGE_DELAY_MS: '60000',
        SUPERSLAB_TOTAL_BYTES: '16m',
        SUPERSLAB_PRESSURE_INTERVAL_MS: '100',
        ...more,
      };
      expect(await run(await compile('pressure.c'), { args: [what], env })).toMatchObject(succeeded);
    });
  });

  describe('SUPERSLAB_CHECK=1 names the block, its class and', () => {
    const classes = { small: 'class 2, blocks of 48 bytes', medium: 'class 46, blocks of 114688 bytes' };
    const nowhere = 'inside the heap, where no block starts: freed already, or never allocated';
    test.for([
      ['double free', 'free', `freed already; ${classes.small}`],
      ['double free by two threads', 'free', `freed already; ${classes.small}`],
      ['double free, medium', 'free', `freed already; ${classes.medium}`],
      ['double free, huge', 'free', nowhere],
      ['interior', 'free', `8 bytes into a block; ${classes.small}`],
      ['interior, medium', 'free', `bytes into a block; ${classes.medium}`],
      ['interior, huge', 'free', nowhere],
      ['interior, huge, near its start', 'free', '8 bytes into a block of 6291456 bytes'],
      ['realloc of a freed block', 'realloc', `freed already; ${classes.small}`],
    ] as const)('%s', async ([what, call, why]) => {
      const ended = await run(await compile('misuse.cc'), { args: [what], env: { SUPERSLAB_CHECK: '1' } });
      expect(ended.stderr).toContain(`superslab: ${call}(): 0x`);
      expect(ended.stderr).toContain(`${why})\n`);
      expect(ended.stdout).not.toContain('survived');
      expect(ended).toMatchObject({ signal: 'SIGABRT' });
    });

    // Every way into the heap, with an address inside of a live block.
    const places = {
      small: '16 bytes into a block; class 2',
      medium: '4096 bytes into a block; class 46',
      huge: '4096 bytes into a block of 67108864 bytes',
      mapped: '4096 bytes into a block beyond 1 GiB',
      aligned: '4096 bytes into a block of 4194304 bytes',
      calloc: '4096 bytes into a block of 6291456 bytes',
      grown: '4096 bytes into a block of 67108864 bytes',
      'heap, small': '16 bytes into a block; class 2',
      'heap, medium': '4096 bytes into a block; class 46',
      'heap, huge': '4096 bytes into a block of 67108864 bytes',
    };
    const misuse = async (how: string, at: string) =>
      run(await compile('misuse.cc'), { args: [how, at], env: { SUPERSLAB_CHECK: '1' } });
    test.for(Object.keys(places) as (keyof typeof places)[])('an address inside: %s', async (at) => {
      for (const [how, call] of [
        ...['free', 'free_sized', 'delete', 'sized delete', 'delete[]', 'ss_free', 'batch'].map((way) => [
          way,
          'free',
        ]),
        ...['realloc', 'reallocarray'].map((way) => [way, 'realloc']),
        ['heap realloc', 'realloc'],
        ['usable size', 'malloc_usable_size'],
      ]) {
        const ended = await misuse(how!, at);
        expect(ended.stderr, how).toMatch(/^superslab: \w+\(\): 0x[0-9a-f]+ is not a block \(.*\)\n$/);
        expect(ended.stderr, how).toContain(`superslab: ${call}(): 0x`);
        expect(ended.stderr, how).toContain(`(${places[at]}`);
        const block = Number(ended.stdout.trim());
        expect(ended.stderr).toContain(`0x${(block + (at.endsWith('small') ? 16 : 4096)).toString(16)} `);
        expect(ended, how).toMatchObject({ signal: 'SIGABRT' });
        expect(ended.stdout, how).not.toContain('survived');
      }
    });
    const unmapped = 'no memory is there: freed already, or never allocated';
    test.for([
      ['free twice', 'small', 'free', 'freed already; class 2'],
      ['free twice', 'medium', 'free', 'freed already; class 46'],
      ['free twice', 'huge', 'free', nowhere],
      ['free twice', 'mapped', 'free', unmapped],
      ['free twice', 'heap, small', 'free', 'freed already; class 2'],
      ['free twice', 'heap, huge', 'free', nowhere],
      ['realloc of a freed', 'huge', 'realloc', nowhere],
      ['realloc of a freed', 'mapped', 'realloc', unmapped],
      ['usable size of a freed', 'small', 'malloc_usable_size', 'freed already; class 2'],
      ['usable size of a freed', 'huge', 'malloc_usable_size', nowhere],
      ['wrong size', 'small', 'free', 'freed as one of 4294967296 bytes, and has 48'],
      ['wrong size', 'huge', 'free', 'freed as one of 4294967296 bytes, and has 67108864'],
      ['wrong size', 'mapped', 'free', 'freed as one of 4294967296 bytes, and has 2147483648'],
      ['its heap deleted', 'heap, small', 'free', nowhere],
      ['its heap deleted', 'heap, huge', 'free', nowhere],
      ['heap deleted twice', 'heap, small', 'ss_heap_delete', 'or one that was deleted'],
      ['deleted heap used', 'heap, small', 'ss_heap_malloc', 'or one that was deleted'],
    ] as const)('%s: %s', async ([how, at, call, why]) => {
      const ended = await misuse(how, at);
      expect(ended.stderr).toContain(`superslab: ${call}(): 0x`);
      expect(ended.stderr).toContain(why);
      expect(ended.stdout).not.toContain('survived');
      expect(ended).toMatchObject({ signal: 'SIGABRT' });
    });

    test('nothing where there is none', async () => {
      const ended = await run(await compile('misuse.cc'), {
        args: ['nothing'],
        env: { SUPERSLAB_CHECK: '1' },
      });
      expect(ended).toMatchObject(succeeded);
      expect(ended.stdout).toContain('survived');
    });
  });

  test('mallinfo, malloc_trim, malloc_info and malloc_stats', async () => {
    const { stderr, ...ended } = await run(await compile('malloc_info.c'));
    expect(ended, stderr).toMatchObject({ code: 0 });
    expect(stderr).toMatch(/^superslab: \{"reservedBytes":.*\}\n$/);
  });

  test('little address space', async () => {
    const program = await compile('limited_memory.cc');
    expect(await run(program, { limit: 'ulimit -v 4000000' })).toMatchObject(succeeded);
  });

  test.for(['small', 'later'])('addresses are reserved as they are needed: %s', async (what) => {
    expect(await run(await compile('addresses.c'), { args: [what] })).toMatchObject(succeeded);
  });

  describe('what is had under a limit from the start', () => {
    const sizes = [64, 1024, 65_536, 1 << 20, 3 << 20];
    test.for([
      ['addresses', 'ulimit -v 262144', 226],
      ['data', 'ulimit -d 102400', 76],
    ] as const)('of %s', async ([, limit, min]) => {
      const program = await compile('addresses.c');
      for (const size of sizes) {
        const ended = await run(program, { args: ['fill', String(size)], limit });
        expect(ended).toMatchObject({ code: 0, stderr: '' });
        expect(Number(ended.stdout), `${size} B`).toBeGreaterThanOrEqual(min);
      }
    });
  });

  // In a mount namespace of its own, with files that say what those of a control group would.
  test.for([
    ['none', 'max', 66, 90],
    ['60 MiB', String(60 << 20), 52, 65],
  ] as const)('a memory limit of a control group: %s', async ([, limit, min, max], { skip }) => {
    const program = await compile('memory_limit.c');
    const script = `mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/memory &&
      echo ${limit} > /sys/fs/cgroup/memory.max &&
      echo ${limit} > /sys/fs/cgroup/memory/memory.limit_in_bytes && exec "$@"`;
    const command = ['env', `LD_PRELOAD=${library}`, 'SUPERSLAB_MALLOC_PURGE_DELAY_MS=60000', program];
    const args = ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', ...command];
    const ended = await execute('unshare', args).catch((error: Error & { stderr?: string }) => error);
    skip(ended instanceof Error && /^(unshare|mount): /.test(ended.stderr ?? ''), 'no mount namespaces here');
    if (ended instanceof Error) throw ended;
    expect(Number(ended.stdout)).toBeGreaterThanOrEqual(min);
    expect(Number(ended.stdout)).toBeLessThan(max);
  });

  test.for([
    ['header.c', 'c99'],
    ['header.cc', 'c++98'],
  ] as const)('the header in %s, as %s', async ([file, standard]) => {
    const options = { name: file, standard, flags: ['-pedantic-errors'] };
    expect(await run(await compile(file, options))).toMatchObject(succeeded);
  });

  test('the statistics are JSON', async () => {
    const ended = await run(await compile('stats_json.c'));
    expect(ended).toMatchObject(succeeded);
    const stats = JSON.parse(ended.stdout);
    expect(stats.committedBytes).toBeGreaterThan(0);
    expect(stats.threads).toBe(1);
    expect(stats.heaps).toBe(0);
    const ofBlocks = stats.classes.find((one: any) => one.blockBytes === 224);
    expect(ofBlocks).toMatchObject({ inUseBlocks: 1000 });
    expect(ofBlocks.refilledBlocks).toBeGreaterThanOrEqual(1000);
    expect(ofBlocks.refills).toBeGreaterThan(0);
    // malloc counts no calls, and says so: a figure that it does not count is not there.
    for (const figure of ['acquires', 'releases', 'hits']) expect(ofBlocks).not.toHaveProperty(figure);
    const sizes: number[] = stats.classes.map((one: any) => one.blockBytes);
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
  });

  describe("blocks of another allocator's, and addresses that are none", () => {
    const runForeign = async (what: string, env = {}) =>
      run(await compile('foreign.c'), { args: [what], env });

    test('are passed to the next allocator', async () => {
      expect(await runForeign('next')).toMatchObject(succeeded);
    });
    test('are left alone with SUPERSLAB_FOREIGN=ignore', async () => {
      expect(await runForeign('ignore', { SUPERSLAB_FOREIGN: 'ignore' })).toMatchObject(succeeded);
    });

    test.for([
      ['foreign', /^superslab: free\(\): 0x[0-9a-f]+ is not a block \(another allocator's; .*\)\n$/],
      ['beyond', /^superslab: free\(\): 0x[0-9a-f]+ is not a block \(inside the heap, .*\)\n$/],
      ['inside', /^superslab: free\(\): 0x[0-9a-f]+ is not a block \(inside the heap, .*\)\n$/],
      ['twice', /^superslab: free\(\): 0x[0-9a-f]+ is not a block \(inside the heap, .*\)\n$/],
      ['realloc', /^superslab: realloc\(\): 0x[0-9a-f]+ is not a block \(inside the heap, .*\)\n$/],
      ['size', /^superslab: malloc_usable_size\(\): 0x[0-9a-f]+ is not a block \(inside .*\)\n$/],
    ] as const)('%s: ends the process with a message', async ([what, message]) => {
      // Addresses inside the heap do so whatever is chosen for those of others.
      const env = { SUPERSLAB_FOREIGN: what === 'foreign' ? 'abort' : 'ignore' };
      const ended = await runForeign(what, env);
      expect(ended).toMatchObject({ signal: 'SIGABRT' });
      expect(ended.stderr).toMatch(message);
    });
  });

  test.for([
    ['small-twice', /^superslab: free\(\): 0x[0-9a-f]+ is not a block \(freed already; .*\)\n$/],
    ['small-inside', /^superslab: free\(\): 0x[0-9a-f]+ is not a block \(16 bytes into a block; .*\)\n$/],
  ] as const)('%s: ends the process with SUPERSLAB_CHECK=1', async ([what, message]) => {
    const ended = await run(await compile('foreign.c'), { args: [what], env: { SUPERSLAB_CHECK: '1' } });
    expect(ended).toMatchObject({ signal: 'SIGABRT' });
    expect(ended.stderr).toMatch(message);
  });

  describe('SUPERSLAB_* variables', () => {
    test('a wrong name is told of once, and the process goes on', async () => {
      const ended = await run('true', { env: { SUPERSLAB_PURGE_DELAYMS: '5' } });
      expect(ended).toMatchObject({ code: 0 });
      expect(ended.stderr).toMatch(/^superslab: .*SUPERSLAB_PURGE_DELAYMS.*SUPERSLAB_PURGE_DELAY_MS.*\n$/);
    });
    test('a wrong value too, and the others count', async () => {
      const env = { SUPERSLAB_CACHE_BLOCKS: 'many', SUPERSLAB_STATS: '1' };
      const { code, stderr } = await run('true', { env });
      expect(code).toBe(0);
      expect(stderr).toMatch(/^superslab: .*SUPERSLAB_CACHE_BLOCKS.*many.*\nsuperslab: \{.*\}\n$/);
    });
    test('a right one is silent', async () => {
      const ended = await run('true', { env: { SUPERSLAB_PURGE_DELAY_MS: '5' } });
      expect(ended).toMatchObject(succeeded);
    });
  });

  test('a Node.js of its own', async () => {
    const script = `
      const { Worker } = require('node:worker_threads');
      const zlib = require('node:zlib');
      const { spawnSync } = require('node:child_process');
      const text = Buffer.alloc(1 << 20, 'superslab ');
      if (!zlib.gunzipSync(zlib.gzipSync(text)).equals(text)) process.exit(1);
      const buffers = Array.from({ length: 1000 }, (_, i) => Buffer.alloc(i * 100, i));
      if (buffers[999][99000] !== 999 % 256) process.exit(2);
      if (spawnSync('true').status !== 0) process.exit(3);
      const echo = 'const { parentPort: p } = require("node:worker_threads"); p.once("message", (m) => p.postMessage(m))';
      const answers = [1, 2, 3].map((n) => new Promise((resolve) => {
        const worker = new Worker(echo, { eval: true });
        worker.once('message', (answer) => resolve(answer.length));
        worker.postMessage(Buffer.alloc(n << 20));
      }));
      Promise.all(answers).then((lengths) => console.log(lengths.map((n) => n >> 20).join()));
    `;
    const ended = await run(process.execPath, { args: ['-e', script] });
    expect(ended).toMatchObject({ ...succeeded, stdout: '1,2,3\n' });
  });

  test('shows the malloc family, operator new and delete, the C API, its core and dlopen, and nothing else', async () => {
    const { stdout } = await execute('nm', ['-D', '--defined-only', library]);
    const names = stdout.split('\n').flatMap((line) => line.split(' ')[2] ?? []);
    const family =
      'malloc free calloc realloc reallocarray memalign aligned_alloc posix_memalign valloc pvalloc ' +
      'cfree free_sized free_aligned_sized malloc_usable_size malloc_trim malloc_stats malloc_info ' +
      'mallinfo mallinfo2 mallopt';
    expect(names).toEqual(expect.arrayContaining(family.split(' ')));
    const others = names.filter((name) => !family.split(' ').includes(name));
    expect(others.filter((name) => /^_Zn[wa]m/.test(name))).toHaveLength(8);
    expect(others.filter((name) => /^_Zd[la]Pv/.test(name))).toHaveLength(12);
    expect(
      others.filter((name) => !/^(ss_[a-z_\d]+|_Z[nd][wal].*|superslab_core|dlm?open)$/.test(name)),
    ).toEqual([]);
  });

  // Instructions from the symbol to the first return. What is longer is slower for every program.
  test.skipIf(arch() !== 'x64').for([
    ['malloc', 16],
    ['_Znwm', 16],
    ['ss_malloc', 16],
    ['free', 20],
    ['_ZdlPv', 20],
    ['_ZdlPvm', 20],
    ['ss_free', 20],
  ] as const)('the short way through %s takes %i instructions', async ([name, max]) => {
    const { stdout } = await execute(
      'objdump',
      ['-d', '--no-show-raw-insn', `--disassemble=${name}`, library],
      { maxBuffer: 16 << 20 },
    );
    const body = stdout.slice(stdout.indexOf(`<${name}>:`));
    const instructions = [...body.matchAll(/^\s+[0-9a-f]+:\s+(.*?)\s*$/gm)].map((match) => match[1]!);
    const end = instructions.findIndex((instruction) => /^ret/.test(instruction));
    expect(end, body).toBeGreaterThan(0);
    expect(end + 1, body).toBeLessThanOrEqual(max);
    expect(
      instructions.filter((instruction) => /^(push|call|sub .*%rsp)/.test(instruction)),
      body,
    ).toEqual([]);
  });
});
