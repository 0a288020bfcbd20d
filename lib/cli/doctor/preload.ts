// Which malloc this process runs on. Source: ld.so(8).
import path from 'node:path';
import type { Finding } from './finding.js';
import type { Files, Machine } from './machine.js';

type Allocator = 'ours' | 'other';

const OURS = /^libsuperslab\.so/;
const OTHERS =
  /^lib(jemalloc|tcmalloc|mimalloc|snmalloc|rpmalloc|hoard|scudo|hardened_malloc|tbbmalloc|ltalloc|mesh|dmalloc|duma|efence)(?![a-z])/;

/** undefined for a library that is no allocator. */
function allocatorOf(file: string): Allocator | undefined {
  const name = path.basename(file);
  if (OURS.test(name)) return 'ours';
  return OTHERS.test(name) ? 'other' : undefined;
}

/** What the loader is told to load first, in its order. */
function preloads(machine: Machine): string[] {
  const named = `${machine.env.LD_PRELOAD ?? ''} ${machine.read('/etc/ld.so.preload') ?? ''}`;
  return named.split(/[\s:]+/).filter((name) => name !== '');
}

/** The allocators that are in this very process, however they came there, each with its file's name. */
function loadedAllocators(machine: Files): Map<Allocator, string> {
  const loaded = new Map<Allocator, string>();
  for (const [, file = ''] of (machine.read('/proc/self/maps') ?? '').matchAll(/ (\/\S+)$/gm)) {
    const allocator = allocatorOf(file);
    if (allocator !== undefined) loaded.set(allocator, path.basename(file));
  }
  return loaded;
}

/** The allocator that comes before that of the C library; undefined when that one serves. */
export function foreignMalloc(machine: Machine): string | undefined {
  const loaded = loadedAllocators(machine);
  const first = preloads(machine)
    .map(allocatorOf)
    .find((allocator) => allocator && loaded.has(allocator));
  return loaded.get(first ?? 'ours') ?? loaded.get('other');
}

const correct = 'Correct LD_PRELOAD or /etc/ld.so.preload.';

export function preload(machine: Machine): Finding {
  const base = {
    id: 'preload',
    title: "this process's malloc",
    source: 'https://man7.org/linux/man-pages/man8/ld.so.8.html',
  };
  const found = foreignMalloc(machine) ?? "the C library's";
  const named = preloads(machine);
  const absent = named.find((file) => file.includes('/') && !machine.exists(file));
  if (absent !== undefined) {
    const why = `${absent} is not there: the loader ignores it, and says so at the start of every program.`;
    return { ...base, status: 'warning', found, why, advice: correct };
  }
  const loaded = loadedAllocators(machine);
  const idle = named.find((file) => {
    const allocator = allocatorOf(file);
    return allocator !== undefined && !loaded.has(allocator);
  });
  if (idle !== undefined) {
    const why = `${idle} is to be preloaded, and is not in this process.`;
    return { ...base, status: 'warning', found, why, advice: correct };
  }
  if (loaded.size === 2) {
    return {
      ...base,
      status: 'warning',
      found,
      why: `${[...loaded.values()].join(' and ')} are both here: the first serves malloc, the other only takes room.`,
      advice: `Take one of them out. ${correct}`,
    };
  }
  if (loaded.has('other')) {
    return {
      ...base,
      status: 'note',
      found,
      why: "superslab's pools are apart from it, and work the same.",
      advice: 'To have superslab serve malloc instead:',
      command: 'env -u LD_PRELOAD npx superslab run -- node server.js',
    };
  }
  const why = loaded.has('ours')
    ? 'It shares its core with the addon.'
    : 'npx superslab run -- node server.js runs a program on superslab.';
  return { ...base, status: 'ok', found, why };
}
