// The memory limit of the control groups that this process is in, nested ones included.
// Sources: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst, proc_pid_mountinfo(5).
import path from 'node:path';
import { bytes } from '../../base/text.js';
import type { Finding } from './finding.js';
import { type Files, type Machine, readNumber } from './machine.js';

interface Mount {
  readonly version: 1 | 2;
  /** The group that is seen at `point`: not / where a container has no namespace of its own for groups. */
  readonly root: string;
  readonly point: string;
}

/** Limits by the names of their files, the one that kills first. */
const limitFiles = {
  1: ['memory.limit_in_bytes'],
  2: ['memory.max', 'memory.high'],
} as const;
const usageFile = { 1: 'memory.usage_in_bytes', 2: 'memory.current' } as const;
/** File cache that goes at once when memory is wanted. */
const cacheRow = { 1: 'total_inactive_file', 2: 'inactive_file' } as const;

export interface MemoryLimit {
  /** The file's name, such as memory.max. */
  readonly file: string;
  readonly bytes: number;
  /** Of its group, without what is given up at once. */
  readonly usedBytes: number;
}

function mountsOf(machine: Files): Mount[] {
  return (machine.read('/proc/self/mountinfo') ?? '').split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , root = '', point = ''] = left.split(' ');
    const [type, , options = ''] = right.split(' ');
    if (type === 'cgroup2') return { version: 2, root, point } as const;
    if (type === 'cgroup' && options.split(',').includes('memory'))
      return { version: 1, root, point } as const;
    return [];
  });
}

/** The group of this process in the hierarchy of that version. */
function groupOf(machine: Files, version: 1 | 2): string | undefined {
  for (const line of (machine.read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, hierarchy, controllers, group] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    const fits = version === 2 ? hierarchy === '0' : controllers?.split(',').includes('memory');
    if (fits) return group;
  }
  return undefined;
}

/** The folders of the group and of those around it, innermost first, as far as they can be seen. */
function foldersOf(mount: Mount, group: string): string[] {
  const inside = path.posix.relative(mount.root, group);
  // "/.." is what a namespace says of groups outside of it. Of those the top is all that we see.
  const isOutside = group.startsWith('/..') || inside.startsWith('..');
  let folder = isOutside ? mount.point : path.posix.join(mount.point, inside);
  const folders = [folder];
  while (folder !== mount.point) {
    folder = path.posix.dirname(folder);
    folders.push(folder);
  }
  return folders;
}

const statistic = (machine: Files, folder: string, name: string): number | undefined => {
  const text = new RegExp(`^${name} (\\d+)$`, 'm').exec(machine.read(`${folder}/memory.stat`) ?? '')?.[1];
  return text === undefined ? undefined : Number(text);
};

/** The lowest limit that is below the machine's memory; undefined without one. */
export function memoryLimit(machine: Machine): MemoryLimit | undefined {
  const limits: MemoryLimit[] = [];
  for (const mount of mountsOf(machine)) {
    const { version } = mount;
    const group = groupOf(machine, version);
    if (group === undefined) continue;
    const folders = foldersOf(mount, group);
    const usedIn = (folder: string) =>
      (readNumber(machine, `${folder}/${usageFile[version]}`) ?? 0) -
      (statistic(machine, folder, cacheRow[version]) ?? 0);
    const add = (file: string, folder: string, value: number | undefined) => {
      // "max" is no number, and version 1 says a number near 2^63 for the same.
      if (value === undefined || value >= machine.totalBytes) return;
      limits.push({ file, bytes: value, usedBytes: Math.max(0, usedIn(folder)) });
    };
    for (const folder of folders) {
      for (const file of limitFiles[version]) add(file, folder, readNumber(machine, `${folder}/${file}`));
    }
    // Version 1 tells the limits of groups around it that cannot be seen from in here.
    const file = 'hierarchical_memory_limit';
    if (version === 1) add(file, folders[0]!, statistic(machine, folders[0]!, file));
  }
  return limits.sort((a, b) => a.bytes - b.bytes)[0];
}

/** Here the kernel is busy taking memory back, and one burst is enough. */
const NEARLY_FULL = 0.9;

export function memoryGroup(machine: Machine): Finding {
  const base = {
    id: 'memory-limit',
    title: 'memory limit (cgroup)',
    source: 'https://docs.kernel.org/admin-guide/cgroup-v2.html#memory',
  };
  const limit = memoryLimit(machine);
  if (limit === undefined) {
    const found = `none below the machine's ${bytes(machine.totalBytes)}`;
    return { ...base, status: 'ok', found, why: 'The whole machine is there to be used.' };
  }
  const found = `${bytes(limit.bytes)} (${limit.file}), ${bytes(limit.usedBytes)} used`;
  const throttles = limit.file === 'memory.high';
  const end = throttles
    ? 'Above it the kernel slows every thread of the group down, and kills nothing.'
    : 'At it the kernel kills a process of the group.';
  if (limit.usedBytes > NEARLY_FULL * limit.bytes) {
    return {
      ...base,
      status: 'warning',
      found,
      why: `The group has nearly reached it. ${end}`,
      advice:
        'Raise it (docker run --memory, resources.limits.memory, MemoryMax=), or keep less memory idle:',
      command: 'export SUPERSLAB_PROFILE=low-memory',
    };
  }
  if (throttles) {
    return {
      ...base,
      status: 'note',
      found,
      why: end,
      advice: 'It is meant for groups that something watches. Otherwise set memory.max (MemoryMax=) alone.',
    };
  }
  return { ...base, status: 'ok', found, why: end };
}
