// The allocators that a program runs under, each by LD_PRELOAD.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export interface Allocator {
  readonly name: string;
  /** What LD_PRELOAD names; undefined: nothing, the C library's own. */
  readonly library: string | undefined;
}

export interface Peers {
  readonly found: readonly Allocator[];
  /** Debian packages that would bring the others. */
  readonly missingPackages: readonly string[];
}

const TRIPLET = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch as string];
const FOLDERS = ['/usr/local/lib', `/usr/lib/${TRIPLET}`, `/lib/${TRIPLET}`, '/usr/lib64', '/usr/lib'];

const PACKAGED = [
  { name: 'jemalloc', files: ['libjemalloc.so.2'], debianPackage: 'libjemalloc2' },
  { name: 'tcmalloc', files: ['libtcmalloc_minimal.so.4'], debianPackage: 'libtcmalloc-minimal4' },
  { name: 'mimalloc', files: ['libmimalloc.so.2.0', 'libmimalloc.so.2'], debianPackage: 'libmimalloc2.0' },
] as const;

const LIBC = 'glibc';

/** The peers on this machine. `only` restricts them by name; throws when it names none that there is. */
export function findPeers(only: readonly string[] | undefined): Peers {
  const names = [LIBC, ...PACKAGED.map(({ name }) => name)];
  const unknown = (only ?? []).filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    throw new Error(`--peers: no "${unknown.join('", "')}"; there are ${names.join(', ')}`);
  }
  const isWanted = (name: string) => only === undefined || only.includes(name);
  const found: Allocator[] = isWanted(LIBC) ? [{ name: LIBC, library: undefined }] : [];
  const missingPackages: string[] = [];
  for (const { name, files, debianPackage } of PACKAGED.filter(({ name }) => isWanted(name))) {
    const paths = FOLDERS.flatMap((folder) => files.map((file) => join(folder, file)));
    const library = paths.find((path) => existsSync(path));
    if (library === undefined) missingPackages.push(debianPackage);
    else found.push({ name, library });
  }
  return { found, missingPackages };
}
