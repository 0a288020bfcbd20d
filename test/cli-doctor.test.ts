// `superslab doctor`: each check on machines that are made up, and the command on this one.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Finding, Status } from '../lib/cli/doctor/finding.js';
import type { Machine } from '../lib/cli/doctor/machine.js';
import { packageRoot } from './support/child.js';

// What is tested is what is shipped, and the package does not export its command line.
const require = createRequire(import.meta.url);
const load = <T>(name: string) => require(`../dist/cjs/cli/doctor/${name}.js`) as T;
const { checksFor } = load<typeof import('../lib/cli/doctor/checks.js')>('checks');
const { filesBelow } = load<typeof import('../lib/cli/doctor/machine.js')>('machine');
const { NODE_API } = load<typeof import('../lib/cli/doctor/node.js')>('node');
const { print } = load<typeof import('../lib/cli/doctor/print.js')>('print');

const folder = mkdtempSync(path.join(tmpdir(), 'superslab-doctor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KIB = 1024;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const THP = '/sys/kernel/mm/transparent_hugepage';
const POOL_2MB = '/sys/kernel/mm/hugepages/hugepages-2048kB';
const POOL_1GB = '/sys/kernel/mm/hugepages/hugepages-1048576kB';
const NODES = '/sys/devices/system/node';

/** By path; undefined takes one of the healthy machine's files away. */
type FileTexts = Readonly<Record<string, string | undefined>>;

const limits = (rows: Readonly<Record<string, string>> = {}) =>
  ['Limit                     Soft Limit           Hard Limit           Units     ']
    .concat(
      ['Max data size', 'Max locked memory', 'Max address space'].map(
        (row) => `${row.padEnd(26)}${rows[row] ?? 'unlimited            unlimited'}            bytes     `,
      ),
    )
    .join('\n');

const emptyPool = (at: string): FileTexts =>
  Object.fromEntries(
    ['nr_hugepages', 'free_hugepages', 'resv_hugepages', 'nr_overcommit_hugepages', 'surplus_hugepages'].map(
      (name) => [`${at}/${name}`, '0\n'],
    ),
  );

const memoryNode = (id: number, gib: number): FileTexts => ({
  [`${NODES}/node${id}/meminfo`]: `Node ${id} MemTotal:       ${gib * MIB} kB\nNode ${id} MemFree: 1 kB\n`,
});

const healthyFiles: FileTexts = {
  [`${THP}/enabled`]: 'always [madvise] never\n',
  [`${THP}/defrag`]: 'always defer defer+madvise [madvise] never\n',
  [`${THP}/shmem_enabled`]: 'always within_size advise [never] deny force\n',
  [`${THP}/hpage_pmd_size`]: '2097152\n',
  [`${THP}/hugepages-2048kB/enabled`]: 'always [inherit] madvise never\n',
  ...emptyPool(POOL_2MB),
  ...emptyPool(POOL_1GB),
  ...memoryNode(0, 16),
  [`${NODES}/online`]: '0\n',
  '/proc/sys/kernel/osrelease': '6.18.1-generic\n',
  '/proc/sys/kernel/numa_balancing': '0\n',
  '/proc/sys/vm/overcommit_memory': '0\n',
  '/proc/sys/vm/overcommit_ratio': '50\n',
  '/proc/sys/vm/overcommit_kbytes': '0\n',
  '/proc/sys/vm/max_map_count': '65530\n',
  '/proc/meminfo': 'MemTotal: 16777216 kB\nCommitLimit:     8388608 kB\nCommitted_AS:    1048576 kB\n',
  '/proc/self/status': 'Name:\tnode\nTHP_enabled:\t1\n',
  '/proc/self/limits': limits(),
  '/proc/self/cgroup': '0::/\n',
  '/proc/self/mountinfo': '31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n',
  '/proc/self/maps': '7f00-7f01 r-xp 00000000 08:01 42    /usr/lib/libc.so.6\n',
};

/** A machine on which all is well, but for what is given here. */
function machine(files: FileTexts = {}, facts: Partial<Machine> = {}): Machine {
  const root = mkdtempSync(path.join(folder, 'root-'));
  for (const [name, text] of Object.entries({ ...healthyFiles, ...files })) {
    if (text === undefined) continue;
    mkdirSync(path.join(root, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return {
    ...filesBelow(root),
    platform: 'linux',
    arch: 'x64',
    env: { MALLOC_ARENA_MAX: '2' },
    versions: { node: '22.1.0', napi: '9', v8: '12.4' },
    glibc: '2.36',
    cores: 4,
    totalBytes: 16 * GIB,
    heapLimitBytes: 4 * GIB,
    package: { version: '0.1.0', node: '>=20' },
    addon: { path: '/app/node_modules/superslab/build/Release/superslab.node', knobs: {}, wrong: {} },
    library: { path: '/app/node_modules/superslab/build/Release/libsuperslab.so' },
    ...facts,
  };
}

const findingsOf = (one: Machine): Finding[] => checksFor(one).map((check) => check(one));

/** What the check `id` says, which must have that status. Everything else must be as on a healthy machine. */
function finding(id: string, status: Status, one: Machine, alsoTouched: readonly string[] = []): Finding {
  const all = findingsOf(one);
  const others = all.filter((each) => each.id !== id && !alsoTouched.includes(each.id));
  expect(others.filter((each) => each.status !== 'ok')).toEqual([]);
  const found = all.find((each) => each.id === id)!;
  expect(found).toMatchObject({ status });
  return found;
}

const knobs = (values: Readonly<Record<string, string>>): Partial<Machine> => ({
  addon: { ...machine().addon, knobs: values },
});

describe('a healthy machine', () => {
  const all = findingsOf(machine());

  test('has nothing to say but ok, on a screen', () => {
    expect(all.filter(({ status }) => status !== 'ok')).toEqual([]);
    const text = print(all, { width: 80, colour: false });
    const lines = text.split('\n');
    expect(lines.length).toBeLessThanOrEqual(24);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(lines.at(-2)).toBe('All is well.');
  });

  test('has each check once, and no command', () => {
    const ids = all.map(({ id }) => id);
    expect(ids).toEqual([
      'node',
      'addon',
      'library',
      'preload',
      'environment',
      'kernel',
      'libc',
      'memory-limit',
      'heap-limit',
      'transparent-huge-pages',
      'huge-page-defrag',
      'huge-pages',
      'numa',
      'overcommit',
      'max-map-count',
      'address-limit',
      'data-limit',
      'lock-limit',
    ]);
    expect(all.filter(({ command, permanent }) => command !== undefined || permanent !== undefined)).toEqual(
      [],
    );
  });

  test('elsewhere than on Linux only what there is is looked at', () => {
    const ids = findingsOf(machine({}, { platform: 'darwin' })).map(({ id }) => id);
    expect(ids).toEqual(['node', 'addon', 'environment', 'heap-limit']);
  });

  test('without /proc and /sys nothing is a fault', () => {
    const bare = machine(Object.fromEntries(Object.keys(healthyFiles).map((name) => [name, undefined])));
    const faults = findingsOf(bare).filter(({ status }) => status === 'warning' || status === 'problem');
    expect(faults).toEqual([]);
  });
});

describe('transparent huge pages', () => {
  const id = 'transparent-huge-pages';
  const enabled = (text: string): FileTexts => ({ [`${THP}/enabled`]: text });

  test('never: superslab gets none', () => {
    const found = finding(id, 'warning', machine(enabled('always madvise [never]\n')));
    expect(found.found).toBe('never (shared memory: never)');
    expect(found.command).toBe(`echo madvise | sudo tee ${THP}/enabled`);
    expect(found.permanent).toBe(
      `echo 'w ${THP}/enabled - - - - madvise' | sudo tee /etc/tmpfiles.d/transparent-huge-pages.conf`,
    );
  });

  test('never is well when other pages are asked for', () => {
    finding(id, 'ok', machine(enabled('always madvise [never]\n'), knobs({ SUPERSLAB_HUGE_PAGES: 'off' })));
  });

  test('always: a note', () => {
    const found = finding(id, 'note', machine(enabled('[always] madvise never\n')));
    expect(found.command).toBe(`echo madvise | sudo tee ${THP}/enabled`);
  });

  test('the switch of the size goes before the common one, which it may inherit', () => {
    const own = `${THP}/hugepages-2048kB/enabled`;
    const off = finding(id, 'warning', machine({ [own]: 'always inherit madvise [never]\n' }));
    expect(off.command).toBe(`echo madvise | sudo tee ${own}`);
    const on = { ...enabled('always madvise [never]\n'), [own]: 'always inherit [madvise] never\n' };
    finding(id, 'ok', machine(on));
    finding(id, 'warning', machine({ ...enabled('always madvise [never]\n'), [own]: undefined }));
  });

  test('the size is the one of the machine', () => {
    const files = {
      [`${THP}/hpage_pmd_size`]: String(32 * MIB),
      [`${THP}/hugepages-32768kB/enabled`]: 'always inherit madvise [never]\n',
    };
    finding(id, 'warning', machine(files));
  });

  test('switched off for the process by who started it', () => {
    const found = finding(id, 'warning', machine({ '/proc/self/status': 'THP_enabled:\t0\n' }));
    expect(found.found).toContain('switched off for this process');
  });

  test('not there', () => {
    const gone = [
      `${THP}/enabled`,
      `${THP}/defrag`,
      `${THP}/shmem_enabled`,
      `${THP}/hugepages-2048kB/enabled`,
    ];
    const found = finding(id, 'note', machine(Object.fromEntries(gone.map((name) => [name, undefined]))));
    expect(found.found).toBe('not there');
  });
});

describe('huge page defrag', () => {
  const id = 'huge-page-defrag';
  const defrag = (word: string): FileTexts => ({ [`${THP}/defrag`]: `x [${word}] y\n` });

  test('never: few huge pages', () => {
    const found = finding(id, 'note', machine(defrag('never')));
    expect(found.command).toBe(`echo madvise | sudo tee ${THP}/defrag`);
  });

  test('always stalls everybody where everybody gets huge pages', () => {
    const everybody = { ...defrag('always'), [`${THP}/enabled`]: '[always] madvise never\n' };
    finding(id, 'note', machine(everybody), ['transparent-huge-pages']);
    finding(id, 'ok', machine(defrag('always')));
  });

  test('decides nothing without huge pages', () => {
    const none = { ...defrag('never'), [`${THP}/enabled`]: 'always madvise [never]\n' };
    finding(id, 'ok', machine(none), ['transparent-huge-pages']);
  });

  test.each(['madvise', 'defer', 'defer+madvise'])('%s is well', (word) => {
    expect(finding(id, 'ok', machine(defrag(word))).found).toBe(word);
  });
});

describe('reserved huge pages', () => {
  const id = 'huge-pages';
  const asked = (word: string) => knobs({ SUPERSLAB_HUGE_PAGES: word });
  const pool = (at: string, figures: Readonly<Record<string, number>>): FileTexts =>
    Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${at}/${name}`, `${value}\n`]));

  test('asked for and none there', () => {
    const small = finding(id, 'warning', machine({}, asked('2mb')));
    expect(small.command).toBe(`echo 1024 | sudo tee ${POOL_2MB}/nr_hugepages`);
    expect(small.permanent).toContain(`'w ${POOL_2MB}/nr_hugepages - - - - 1024'`);
    const large = finding(id, 'warning', machine({}, asked('1gb')));
    expect(large.command).toBe(`echo 4 | sudo tee ${POOL_1GB}/nr_hugepages`);
    expect(large.advice).toContain('hugepagesz=1G hugepages=4');
    expect(large.permanent).toBeUndefined();
  });

  test('asked for and all of them promised', () => {
    const files = pool(POOL_2MB, { nr_hugepages: 10, free_hugepages: 4, resv_hugepages: 4 });
    expect(finding(id, 'warning', machine(files, asked('2mb'))).found).toBe('10 of 2 MiB, 0 available');
  });

  test('asked for and there, or yet to be made', () => {
    const files = pool(POOL_2MB, { nr_hugepages: 10, free_hugepages: 4, resv_hugepages: 1 });
    expect(finding(id, 'ok', machine(files, asked('2mb'))).found).toBe('10 of 2 MiB, 3 available');
    const more = pool(POOL_1GB, { nr_overcommit_hugepages: 5, surplus_hugepages: 2 });
    expect(finding(id, 'ok', machine(more, asked('1gb'))).found).toBe('0 of 1 GiB, 3 available');
  });

  test('asked for on a machine without pages of that size', () => {
    const gone = Object.fromEntries(Object.keys(emptyPool(POOL_1GB)).map((name) => [name, undefined]));
    const found = finding(id, 'warning', machine(gone, asked('1gb')));
    expect(found).toMatchObject({ found: 'no pages of 1 GiB', command: 'export SUPERSLAB_HUGE_PAGES=thp' });
  });

  test('a node that has none', () => {
    const files = {
      ...pool(POOL_2MB, { nr_hugepages: 10, free_hugepages: 10 }),
      ...memoryNode(1, 16),
      [`${NODES}/node0/hugepages/hugepages-2048kB/nr_hugepages`]: '10\n',
      [`${NODES}/node1/hugepages/hugepages-2048kB/nr_hugepages`]: '0\n',
    };
    const found = finding(id, 'note', machine(files, asked('2mb')));
    expect(found.found).toBe('10 of 2 MiB, 10 available; none on node 1');
    expect(found.command).toBe(`echo 1024 | sudo tee ${NODES}/node1/hugepages/hugepages-2048kB/nr_hugepages`);
    const even = { ...files, [`${NODES}/node1/hugepages/hugepages-2048kB/nr_hugepages`]: '3\n' };
    finding(id, 'ok', machine(even, asked('2mb')));
    // All of them are yet to be made, on the node that wants them.
    const later = {
      ...files,
      ...pool(POOL_2MB, { nr_hugepages: 0, free_hugepages: 0, nr_overcommit_hugepages: 9 }),
      [`${NODES}/node0/hugepages/hugepages-2048kB/nr_hugepages`]: '0\n',
    };
    finding(id, 'ok', machine(later, asked('2mb')));
  });

  test('there and not asked for', () => {
    const files = { ...pool(POOL_2MB, { nr_hugepages: 10 }), ...pool(POOL_1GB, { nr_hugepages: 2 }) };
    const found = finding(id, 'note', machine(files));
    expect(found).toMatchObject({
      found: '10 of 2 MiB, 2 of 1 GiB',
      command: 'export SUPERSLAB_HUGE_PAGES=1gb',
    });
  });
});

describe('memory nodes', () => {
  test('are counted with their memory; those without any are not', () => {
    const two = { ...memoryNode(1, 8), ...memoryNode(2, 0) };
    const found = finding('numa', 'ok', machine(two, knobs({ SUPERSLAB_NUMA: 'interleave' })));
    expect(found.found).toBe('0: 16.0 GiB; 1: 8.0 GiB; SUPERSLAB_NUMA=interleave');
    expect(finding('numa', 'ok', machine(memoryNode(1, 0))).found).toBe('one');
  });

  test('the topology is shown: memory, processors and distances of each node', () => {
    const folder = (node: number) => `/sys/devices/system/node/node${node}`;
    const two = machine({
      ...memoryNode(1, 8),
      [`${folder(0)}/cpulist`]: '0-3,8-11\n',
      [`${folder(1)}/cpulist`]: '4-7\n',
      [`${folder(0)}/distance`]: '10 21\n',
      [`${folder(1)}/distance`]: '21 10\n',
    });
    expect(finding('numa', 'ok', two).found).toBe(
      '0: 16.0 GiB, processors 0-3,8-11; 1: 8.0 GiB, processors 4-7; distances 0: 10 21, 1: 21 10; SUPERSLAB_NUMA=local',
    );
  });

  test('balancing: a note where there are several', () => {
    const on = { '/proc/sys/kernel/numa_balancing': '1\n' };
    const found = finding('numa', 'note', machine({ ...on, ...memoryNode(1, 16) }));
    expect(found).toMatchObject({
      command: 'sudo sysctl -w kernel.numa_balancing=0',
      permanent: "echo 'kernel.numa_balancing = 0' | sudo tee /etc/sysctl.d/99-kernel.numa_balancing.conf",
    });
    finding('numa', 'ok', machine(on));
  });
});

describe('overcommit', () => {
  const mode = (value: number): FileTexts => ({ '/proc/sys/vm/overcommit_memory': `${value}\n` });

  test('always is well', () => {
    expect(finding('overcommit', 'ok', machine(mode(1))).found).toBe('always (1)');
  });

  test('strict: a warning', () => {
    const found = finding('overcommit', 'warning', machine(mode(2)));
    expect(found.found).toBe('strict (2), ratio 50 %: 1.0 GiB of 8.0 GiB promised');
    expect(found.command).toBe('sudo sysctl -w vm.overcommit_memory=0');
  });

  test('strict, limited in KiB', () => {
    const found = finding(
      'overcommit',
      'warning',
      machine({ ...mode(2), '/proc/sys/vm/overcommit_kbytes': '9' }),
    );
    expect(found.found).toBe('strict (2): 1.0 GiB of 8.0 GiB promised');
  });

  test('strict and nearly at the limit: a problem', () => {
    const meminfo = 'CommitLimit:     1000000 kB\nCommitted_AS:    900001 kB\n';
    finding('overcommit', 'problem', machine({ ...mode(2), '/proc/meminfo': meminfo }));
    finding(
      'overcommit',
      'warning',
      machine({ ...mode(2), '/proc/meminfo': meminfo.replace('900001', '900000') }),
    );
  });

  test('not readable', () => {
    finding('overcommit', 'note', machine({ '/proc/sys/vm/overcommit_memory': undefined }));
  });
});

describe('mappings a process', () => {
  const most = (value: string | undefined): FileTexts => ({ '/proc/sys/vm/max_map_count': value });

  test('fewer than the default of the kernel: a warning', () => {
    const found = finding('max-map-count', 'warning', machine(most('65529\n')));
    expect(found.command).toBe('sudo sysctl -w vm.max_map_count=262144');
  });

  test('not readable', () => {
    finding('max-map-count', 'note', machine(most(undefined)));
  });
});

describe('limits of the process', () => {
  const rows = (name: string, text: string): FileTexts => ({ '/proc/self/limits': limits({ [name]: text }) });

  test('addresses: a warning where an arena hardly fits, else a note', () => {
    const soft = finding(
      'address-limit',
      'warning',
      machine(rows('Max address space', '8589934592  unlimited')),
    );
    expect(soft).toMatchObject({ found: '8.0 GiB', command: 'ulimit -v unlimited' });
    finding('address-limit', 'note', machine(rows('Max address space', `${32 * GIB}  unlimited`)));
  });

  test('addresses: a hard limit is lifted by root', () => {
    const hard = finding('address-limit', 'warning', machine(rows('Max address space', '4194304  8388608')));
    expect(hard.command).toBeUndefined();
    expect(hard.advice).toContain('8.0 MiB');
    expect(hard.advice).toContain('LimitAS=infinity');
  });

  test("data: a warning below V8's heap limit, else a note", () => {
    const small = finding(
      'data-limit',
      'warning',
      machine(rows('Max data size', `${4 * GIB - 1}  unlimited`)),
    );
    expect(small.command).toBe('ulimit -d unlimited');
    finding('data-limit', 'note', machine(rows('Max data size', `${4 * GIB}  unlimited`)));
  });

  test('locked memory: any will do', () => {
    const found = finding('lock-limit', 'ok', machine(rows('Max locked memory', '65536  65536')));
    expect(found.found).toBe('64.0 KiB');
  });
});

describe('memory limit', () => {
  const id = 'memory-limit';
  const at = '/sys/fs/cgroup';
  /** A group of version 2, as deep as its path says, with what files stand in it and around it. */
  const group = (name: string, files: FileTexts): FileTexts => ({
    '/proc/self/cgroup': `0::${name}\n`,
    ...Object.fromEntries(Object.entries(files).map(([file, text]) => [`${at}${file}`, text])),
  });
  const heap = { heapLimitBytes: 100 * MIB };

  test('version 2', () => {
    const files = group('/app', { '/app/memory.max': `${GIB}\n`, '/app/memory.current': `${500 * MIB}\n` });
    expect(finding(id, 'ok', machine(files, heap)).found).toBe('1.0 GiB (memory.max), 500.0 MiB used');
  });

  test('none, or more than the machine has', () => {
    expect(finding(id, 'ok', machine(group('/app', { '/app/memory.max': 'max\n' }))).found).toBe(
      "none below the machine's 16.0 GiB",
    );
    const more = machine(group('/app', { '/app/memory.max': `${16 * GIB}\n` }));
    expect(finding(id, 'ok', more).found).toContain('none');
  });

  test('the tightest of nested groups counts, with what is used there', () => {
    const files = group('/a/b/c', {
      '/a/b/c/memory.max': `${4 * GIB}\n`,
      '/a/b/memory.max': 'max\n',
      '/a/memory.max': `${2 * GIB}\n`,
      '/a/memory.current': `${300 * MIB}\n`,
      '/a/b/c/memory.current': `${100 * MIB}\n`,
    });
    expect(finding(id, 'ok', machine(files, heap)).found).toBe('2.0 GiB (memory.max), 300.0 MiB used');
  });

  test('nearly reached: a warning, but for cache that goes at once', () => {
    const used = { '/app/memory.max': `${GIB}\n`, '/app/memory.current': `${950 * MIB}\n` };
    const found = finding(id, 'warning', machine(group('/app', used), heap));
    expect(found.command).toBe('export SUPERSLAB_PROFILE=low-memory');
    expect(found.why).toContain('kills');
    const cache = { ...used, '/app/memory.stat': `anon 1\ninactive_file ${400 * MIB}\nactive_file 7\n` };
    expect(finding(id, 'ok', machine(group('/app', cache), heap)).found).toContain('550.0 MiB used');
  });

  test('memory.high: a note, and it throttles', () => {
    const files = group('/app', { '/app/memory.max': `${2 * GIB}\n`, '/app/memory.high': `${GIB}\n` });
    const found = finding(id, 'note', machine(files, heap));
    expect(found.found).toContain('1.0 GiB (memory.high)');
    expect(found.why).toContain('slows');
  });

  const v1 = '/sys/fs/cgroup/memory';
  const version1 = (name: string, root: string): FileTexts => ({
    '/proc/self/cgroup': `12:cpuset:/other\n5:cpu,memory:${name}\n0::/unified\n`,
    '/proc/self/mountinfo':
      `31 23 0:28 ${root} ${v1} rw,relatime shared:9 - cgroup cgroup rw,memory\n` +
      '32 23 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n' +
      '33 23 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n',
  });

  test('version 1, beside a version 2 without limits', () => {
    const files = {
      ...version1('/app', '/'),
      [`${v1}/memory.limit_in_bytes`]: '9223372036854771712\n',
      [`${v1}/app/memory.limit_in_bytes`]: `${GIB}\n`,
      [`${v1}/app/memory.usage_in_bytes`]: `${500 * MIB}\n`,
      [`${v1}/app/memory.stat`]: `inactive_file 7\ntotal_inactive_file ${100 * MIB}\n`,
    };
    expect(finding(id, 'ok', machine(files, heap)).found).toBe(
      '1.0 GiB (memory.limit_in_bytes), 400.0 MiB used',
    );
  });

  test('version 1 in a container: the group is what is mounted, and the limit around it is told', () => {
    const files = {
      ...version1('/docker/abc', '/docker/abc'),
      [`${v1}/memory.limit_in_bytes`]: `${3 * GIB}\n`,
      [`${v1}/memory.stat`]: `hierarchical_memory_limit ${2 * GIB}\n`,
    };
    expect(finding(id, 'ok', machine(files, heap)).found).toContain('2.0 GiB (hierarchical_memory_limit)');
    const own = { ...files, [`${v1}/memory.stat`]: 'hierarchical_memory_limit 9223372036854771712\n' };
    expect(finding(id, 'ok', machine(own, heap)).found).toContain('3.0 GiB (memory.limit_in_bytes)');
  });

  test('a group outside of the namespace: its top is what is seen', () => {
    const namesake = { '/memory.max': `${GIB}\n`, '/app/memory.max': `${500 * MIB}\n` };
    expect(finding(id, 'ok', machine(group('/../app', namesake), heap)).found).toContain('1.0 GiB');
  });

  test('a group outside of what is mounted: the same', () => {
    const files = { ...version1('/else/where', '/docker/abc'), [`${v1}/memory.limit_in_bytes`]: `${GIB}\n` };
    expect(finding(id, 'ok', machine(files, heap)).found).toContain('1.0 GiB');
  });
});

describe("V8's heap limit", () => {
  const id = 'heap-limit';
  const inGroup = (bytes: number): FileTexts => ({
    '/proc/self/cgroup': '0::/app\n',
    '/sys/fs/cgroup/app/memory.max': `${bytes}\n`,
  });

  test('above the memory of the cgroup: a problem', () => {
    const found = finding(id, 'problem', machine(inGroup(2 * GIB)));
    expect(found.found).toBe('4.0 GiB; memory 2.0 GiB');
    expect(found.why).toBe(
      'It is above all the memory that memory.max allows: the process is killed before V8 collects in earnest.',
    );
    expect(found.command).toBe('export NODE_OPTIONS="$NODE_OPTIONS --max-old-space-size=1024"');
  });

  test('above memory.high: nobody is killed', () => {
    const files = { ...inGroup(8 * GIB), '/sys/fs/cgroup/app/memory.high': `${2 * GIB}\n` };
    expect(finding(id, 'problem', machine(files), ['memory-limit']).why).toContain('slowed down');
  });

  test('above the memory of the machine: a problem', () => {
    expect(finding(id, 'problem', machine({}, { totalBytes: 3 * GIB })).why).toContain('of the machine');
  });

  test('most of the memory: a warning', () => {
    finding(id, 'warning', machine(inGroup(5 * GIB)));
    finding(id, 'ok', machine(inGroup(6 * GIB)));
  });

  test('too much together with SUPERSLAB_MAX_BYTES: a warning', () => {
    const found = finding(id, 'warning', machine(inGroup(8 * GIB), knobs({ SUPERSLAB_MAX_BYTES: '5g' })));
    expect(found.found).toContain('SUPERSLAB_MAX_BYTES 5.0 GiB');
    expect(found.command).toContain(`--max-old-space-size=${(3 * KIB) / 2}"`);
    finding(id, 'ok', machine(inGroup(8 * GIB), knobs({ SUPERSLAB_MAX_BYTES: '4096m' })));
  });

  test('SUPERSLAB_MAX_BYTES alone above the memory: a warning', () => {
    const found = finding(id, 'warning', machine({}, knobs({ SUPERSLAB_MAX_BYTES: '1t' })));
    expect(found.command).toBe('export SUPERSLAB_MAX_BYTES=4096m');
  });
});

describe('Linux', () => {
  const release = (text: string | undefined) => machine({ '/proc/sys/kernel/osrelease': text });

  test('with all that is used', () => {
    expect(finding('kernel', 'ok', release('6.15.0\n')).why).toBe('It has all that the core uses.');
    expect(finding('kernel', 'ok', release('10.0.1\n')).why).toBe('It has all that the core uses.');
  });

  test('without what rounds things off', () => {
    const found = finding('kernel', 'ok', release('5.14.0-503.el9.x86_64\n'));
    expect(found.why).toContain('process_madvise on oneself (6.15)');
    expect(found.why).not.toContain('MADV_POPULATE_WRITE');
  });

  test('without what counts: a note', () => {
    const found = finding('kernel', 'note', release('5.13.19\n'));
    expect(found.why).toContain('MADV_POPULATE_WRITE (5.14)');
    expect(finding('kernel', 'note', release('4.13.0\n')).why).toContain('MADV_POPULATE_WRITE (5.14)');
  });

  test('of an unknown version: a note', () => {
    expect(finding('kernel', 'note', release('strange\n')).found).toBe('strange');
    expect(finding('kernel', 'note', release(undefined)).found).toBe('unknown');
  });
});

describe('Node.js', () => {
  const version = (node: string, range: string, napi = '9') =>
    machine({}, { versions: { node, napi }, package: { version: '0.1.0', node: range } });

  test.each([
    ['18.20.1', '>=20'],
    ['20.10.9', '>=20.11.0'],
    ['20.11.0', '>=20.11.1'],
  ])('%s is too old for %s', (node, range) => {
    expect(finding('node', 'problem', version(node, range)).why).toContain(range);
  });

  test.each([
    ['20.0.0', '>=20'],
    ['100.0.0', '>=20'],
    ['20.11.1', '>=20.11.1'],
    ['21.0.0', '>=20.11.1'],
  ])('%s will do for %s', (node, range) => {
    finding('node', 'ok', version(node, range));
  });

  test('an older Node-API than the addon is built for', () => {
    expect(finding('node', 'problem', version('20.0.0', '>=20', '8')).why).toContain('Node-API 9');
    expect(readFileSync(path.join(packageRoot, 'binding.gyp'), 'utf8')).toContain(`NAPI_VERSION=${NODE_API}`);
  });

  test('the range of the package is one that can be read', () => {
    const { engines } = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8'));
    expect(engines.node).toMatch(/^>=\d+(\.\d+)*$/);
  });

  test('Electron', () => {
    const found = finding(
      'node',
      'problem',
      machine({}, { versions: { node: '22.0.0', napi: '9', electron: '30.1.0' } }),
    );
    expect(found.found).toBe('Electron 30.1.0');
  });
});

describe('the C library', () => {
  const withEnv = (env: Record<string, string>) => machine({}, { env });

  test('arenas: a note, with their number', () => {
    const found = finding('libc', 'note', withEnv({}));
    expect(found.found).toBe('glibc 2.36, up to 32 arenas');
    expect(found.command).toBe('export MALLOC_ARENA_MAX=2');
  });

  test.each(['two', '', '0', '-1'])('MALLOC_ARENA_MAX=%s is passed over: a warning', (value) => {
    finding('libc', 'warning', withEnv({ MALLOC_ARENA_MAX: value }));
  });

  test('arenas limited by the tunable', () => {
    const tunables = 'glibc.malloc.tcache_count=0:glibc.malloc.arena_max=4';
    const found = finding('libc', 'ok', withEnv({ GLIBC_TUNABLES: tunables }));
    expect(found.found).toBe('glibc 2.36, glibc.malloc.arena_max=4');
    finding('libc', 'note', withEnv({ GLIBC_TUNABLES: 'glibc.malloc.tcache_count=0' }));
  });

  test('arenas play no part under libsuperslab.so', () => {
    const maps = { '/proc/self/maps': '7f00-7f01 r-xp 00000000 08:01 42    /opt/libsuperslab.so\n' };
    expect(finding('libc', 'ok', machine(maps, { env: {} })).why).toContain('libsuperslab.so serves malloc');
  });

  test('musl: a note', () => {
    expect(finding('libc', 'note', machine({}, { glibc: undefined })).found).toBe('not glibc');
  });
});

describe('preloaded allocators', () => {
  const id = 'preload';
  const ours = '/opt/libsuperslab.so';
  const other = '/opt/libjemalloc.so.2';
  /** `there` exist as files, `loaded` are in the process. */
  const preloaded = (named: string, there: readonly string[], loaded = there, files: FileTexts = {}) =>
    machine(
      {
        ...Object.fromEntries(there.map((file) => [file, ''])),
        '/proc/self/maps': loaded.map((file) => `7f00-7f01 r-xp 0 08:01 42   ${file}\n`).join(''),
        ...files,
      },
      { env: { LD_PRELOAD: named, MALLOC_ARENA_MAX: '2' } },
    );

  test('ours', () => {
    expect(finding(id, 'ok', preloaded(ours, [ours])).found).toBe('libsuperslab.so');
  });

  test('another: a note', () => {
    const found = finding(id, 'note', preloaded(other, [other]));
    expect(found.found).toBe('libjemalloc.so.2');
    expect(found.command).toBe('env -u LD_PRELOAD npx superslab run -- node server.js');
  });

  test('another, by the file of the whole machine or by the linker', () => {
    const ofMachine = preloaded('', [other], [other], { '/etc/ld.so.preload': `${other}\n` });
    expect(finding(id, 'note', ofMachine).found).toBe('libjemalloc.so.2');
    expect(finding(id, 'note', preloaded('', ['/usr/lib/libtcmalloc_minimal.so.4.5.3'])).found).toContain(
      'tcmalloc',
    );
  });

  test('both: a warning, and the first serves', () => {
    const both = [other, ours];
    expect(finding(id, 'warning', preloaded(`${other}:${ours}`, both)).found).toBe('libjemalloc.so.2');
    expect(finding(id, 'warning', preloaded(`${ours} ${other}`, both)).found).toBe('libsuperslab.so');
  });

  test('not there: a warning', () => {
    expect(finding(id, 'warning', preloaded('/gone/libfoo.so', [])).why).toContain(
      '/gone/libfoo.so is not there',
    );
    const ofMachine = preloaded('', [], [], { '/etc/ld.so.preload': '/gone/libbar.so\n' });
    expect(finding(id, 'warning', ofMachine).why).toContain('/gone/libbar.so is not there');
    const found = finding(id, 'warning', preloaded(other, [])); // and glibc's malloc serves
    expect(found.found).toBe("the C library's");
  });

  test('there and not loaded: a warning', () => {
    expect(finding(id, 'warning', preloaded(ours, [ours], [])).why).toContain('is not in this process');
    finding(id, 'warning', preloaded('libmimalloc.so.2', []));
  });

  test('other libraries are no allocators', () => {
    expect(finding(id, 'ok', preloaded('/opt/libfoo.so', ['/opt/libfoo.so'])).found).toBe("the C library's");
  });
});

describe('superslab', () => {
  const broken = { knobs: {}, wrong: {}, failure: 'No native build was found\n    loaded from: /app\n' };

  test('no addon: a problem', () => {
    const found = finding('addon', 'problem', machine({}, { addon: broken }));
    expect(found).toMatchObject({ found: 'none', why: 'No native build was found; loaded from: /app' });
    expect(found.command).toContain('node-gyp rebuild');
  });

  test('an addon that does not load: a problem', () => {
    const one = machine({}, { addon: { ...broken, path: '/app/prebuilds/linux-x64/superslab.node' } });
    expect(finding('addon', 'problem', one).found).toBe('prebuilds/linux-x64/superslab.node does not load');
  });

  test('no library: a note', () => {
    const found = finding(
      'library',
      'note',
      machine({}, { library: { missing: 'no libsuperslab.so for x' } }),
    );
    expect(found.why).toBe('no libsuperslab.so for x.');
  });

  const env = { MALLOC_ARENA_MAX: '2', SUPERSLAB_ZERO: 'acquire', SUPERSLAB_FOO: '1' };

  test('right variables', () => {
    const knobs = { SUPERSLAB_ZERO: 'acquire', SUPERSLAB_FOO: '1' };
    const addon = { ...machine().addon, knobs };
    const services = { ...env, SUPERSLAB_SERVICE_HOST: '10.96.0.17' };
    const found = finding('environment', 'ok', machine({}, { env: services, addon }));
    expect(found.found).toBe('SUPERSLAB_FOO=1 SUPERSLAB_ZERO=acquire');
  });

  test('wrong variables: a problem', () => {
    const wrong = { SUPERSLAB_FOO: 'Unknown environment variable' };
    const found = finding(
      'environment',
      'problem',
      machine({}, { env, addon: { ...machine().addon, wrong } }),
    );
    expect(found.command).toBe('unset SUPERSLAB_FOO');
    expect(found.why).toContain('Unknown environment variable');
  });

  test('variables that nobody can check: a note', () => {
    finding('environment', 'note', machine({}, { env, addon: broken }), ['addon']);
  });
});

describe('as text', () => {
  const one: Finding = {
    id: 'x',
    title: 'thing',
    status: 'warning',
    found: 'bad',
    why: 'Because of this and that and a good many other reasons besides.',
    advice: 'Set it.',
    command: 'echo a very long command that must stay on one line | sudo tee /a/file',
    permanent: "echo 'x' | sudo tee /etc/x.conf",
    source: 'https://example.org/',
  };

  test('what is wrong is told, wrapped and indented, with commands whole', () => {
    expect(print([one, { ...one, status: 'ok', title: 'other thing' }], { width: 60, colour: false })).toBe(
      [
        'warning  thing        bad',
        '           Because of this and that and a good many other',
        '           reasons besides.',
        '           Set it.',
        '             echo a very long command that must stay on one line | sudo tee /a/file',
        '           and for the next start:',
        "             echo 'x' | sudo tee /etc/x.conf",
        '           see https://example.org/',
        'ok       other thing  bad',
        '',
        'What begins with sudo is set on the machine: for a container, on its host.',
        '',
        '1 warning.',
        '',
      ].join('\n'),
    );
  });

  test('what is well keeps to itself, and in its column', () => {
    const long = { ...one, status: 'ok', found: 'so many words that they take a second line' } as const;
    const command = 'sudo sysctl -w vm.x=1';
    expect(print([{ ...long, command }], { width: 40, colour: false })).toBe(
      [
        'ok       thing  so many words that they',
        '                take a second line',
        '',
        'All is well.',
        '',
      ].join('\n'),
    );
  });

  test('counts, worst first', () => {
    const statuses: Status[] = ['note', 'problem', 'warning', 'problem', 'ok'];
    const all = statuses.map((status) => ({ ...one, status }));
    expect(print(all, { width: 80, colour: false }).trimEnd().split('\n').at(-1)).toBe(
      '2 problems, 1 warning, 1 note.',
    );
  });

  test('colours only when they are wanted', () => {
    expect(print([one], { width: 80, colour: true })).toContain('\u001b[33mwarning  \u001b[0m');
    expect(print([one], { width: 80, colour: false })).not.toContain('\u001b');
  });
});

describe.skipIf(!existsSync(path.join(packageRoot, 'build/Release/superslab.node')))('the command', () => {
  function doctor(args: readonly string[], env: Record<string, string> = {}) {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(SUPERSLAB_.*|LD_PRELOAD|NODE_OPTIONS|MALLOC_ARENA_MAX|GLIBC_TUNABLES)$/.test(name),
    );
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [path.join(packageRoot, 'bin/superslab.js'), 'doctor', ...args],
      { env: { ...Object.fromEntries(inherited), ...env }, encoding: 'utf8' },
    );
    return { code: status, stdout, stderr };
  }

  interface Report {
    readonly ok: boolean;
    readonly findings: readonly Finding[];
    readonly versions: Readonly<Record<string, string>>;
  }

  const isFault = ({ status }: Finding) => status === 'warning' || status === 'problem';

  test('looks at this machine', () => {
    const { code, stdout, stderr } = doctor(['--json']);
    expect(stderr).toBe('');
    const report = JSON.parse(stdout) as Report;
    expect(report.ok).toBe(!report.findings.some(isFault));
    expect(code).toBe(report.ok ? 0 : 1);
    expect(report.versions).toMatchObject({
      superslab: JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8')).version,
      node: process.versions.node,
      nodeApi: process.versions.napi,
      platform: `${process.platform}-${process.arch}`,
    });
    const statusOf = (id: string) => report.findings.find((each) => each.id === id);
    expect(statusOf('addon')).toMatchObject({ status: 'ok', found: 'build/Release/superslab.node' });
    expect(statusOf('environment')).toMatchObject({ status: 'ok', found: 'none' });
    expect(statusOf('node')).toMatchObject({ status: 'ok' });
  });

  test('says the same as text, without colours', () => {
    const { code, stdout } = doctor([]);
    const report = JSON.parse(doctor(['--json']).stdout) as Report;
    expect(code).toBe(report.ok ? 0 : 1);
    for (const { status, title } of report.findings) {
      expect(stdout.split('\n').some((line) => line.startsWith(status.padEnd(9) + title))).toBe(true);
    }
    expect(stdout).not.toContain('\u001b');
  });

  test('finds each wrong variable, names the nearest, and heeds the right ones', () => {
    const { code, stdout } = doctor(['--json'], {
      SUPERSLAB_ZER: '1',
      SUPERSLAB_ZERO: 'acquire',
      SUPERSLAB_STATS: 'perhaps',
      SUPERSLAB_MAX_BYTES: '100t',
    });
    const { ok, findings } = JSON.parse(stdout) as Report;
    expect({ code, ok }).toEqual({ code: 1, ok: false });
    const environment = findings.find(({ id }) => id === 'environment')!;
    expect(environment).toMatchObject({ status: 'problem', command: 'unset SUPERSLAB_STATS SUPERSLAB_ZER' });
    expect(environment.why).toContain('did you mean SUPERSLAB_ZERO?');
    expect(environment.why).toContain('SUPERSLAB_STATS is "perhaps"');
    expect(findings.find(({ id }) => id === 'addon')).toMatchObject({ status: 'ok' });
    expect(findings.find(({ id }) => id === 'heap-limit')!.found).toContain('SUPERSLAB_MAX_BYTES 100.0 TiB');
  });

  test.skipIf(process.platform !== 'linux')('reads the heap limit and the limits that it is given', () => {
    const { stdout } = doctor(['--json'], { NODE_OPTIONS: '--max-old-space-size=999999999' });
    const { findings } = JSON.parse(stdout) as Report;
    expect(findings.find(({ id }) => id === 'heap-limit')).toMatchObject({ status: 'problem' });
  });

  // Built with glibc only.
  const library = path.join(packageRoot, 'build/Release/libsuperslab.so');
  test.skipIf(!existsSync(library))('a warning alone makes the exit code 1', () => {
    const { code, stdout } = doctor(['--json'], { MALLOC_ARENA_MAX: 'two' });
    const { ok, findings } = JSON.parse(stdout) as Report;
    expect({ code, ok }).toEqual({ code: 1, ok: false });
    expect(findings.find(({ id }) => id === 'libc')).toMatchObject({ status: 'warning' });
  });

  test.skipIf(!existsSync(library))('sees that it runs on superslab', () => {
    const { findings } = JSON.parse(doctor(['--json'], { LD_PRELOAD: library }).stdout) as Report;
    const byId = new Map(findings.map((each) => [each.id, each]));
    expect(byId.get('preload')).toMatchObject({ status: 'ok', found: 'libsuperslab.so' });
    expect(byId.get('libc')).toMatchObject({ status: 'ok' });
    expect(byId.get('library')).toMatchObject({ status: 'ok', found: 'build/Release/libsuperslab.so' });
  });

  test('takes nothing else', () => {
    for (const args of [['--jsn'], ['now'], ['--json', 'x']]) {
      const { code, stdout, stderr } = doctor(args);
      expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
      expect(stderr).toContain('ERR_SUPERSLAB_USAGE');
    }
  });
});
