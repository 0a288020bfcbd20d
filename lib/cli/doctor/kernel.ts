import type { Finding } from './finding.js';
import type { Files, Machine } from './machine.js';

interface Feature {
  readonly name: string;
  /** The Linux that has it first, as [major, minor]. */
  readonly since: readonly [number, number];
  readonly without: string;
  /** Whether its lack is worth a note; the others only round things off. */
  readonly matters: boolean;
}

/** What native/os asks of a kernel and may be refused. All of it has a second way. */
const features: readonly Feature[] = [
  {
    name: 'MADV_POPULATE_WRITE',
    since: [5, 14],
    without: 'memory is backed only when it is touched, one fault a page',
    matters: true,
  },
  {
    name: 'names of mappings',
    since: [5, 17],
    without: '/proc/PID/maps does not show which memory is ours',
    matters: false,
  },
  {
    name: 'MADV_DONTNEED_LOCKED',
    since: [5, 18],
    without: 'memory locked by mlockall() is not given back',
    matters: false,
  },
  {
    name: 'process_madvise on oneself',
    since: [6, 15],
    without: 'memory goes back with one call a range',
    matters: false,
  },
];

export const releaseOf = (machine: Files): string | undefined =>
  machine.read('/proc/sys/kernel/osrelease')?.trim();

export function kernel(machine: Machine): Finding {
  const base = {
    id: 'kernel',
    title: 'Linux',
    source: 'https://man7.org/linux/man-pages/man2/madvise.2.html',
  };
  const release = releaseOf(machine) ?? 'unknown';
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  if (major === undefined) {
    const why = 'Without its version nothing can be said; the core finds out by itself what it can use.';
    return { ...base, status: 'note', found: release, why };
  }
  const lacks = features.filter(({ since }) => {
    const older = Number(major) - since[0] || Number(minor) - since[1];
    return older < 0;
  });
  if (lacks.length === 0)
    return { ...base, status: 'ok', found: release, why: 'It has all that the core uses.' };
  const list = lacks.map(({ name, since, without }) => `${name} (${since.join('.')}): ${without}`).join('; ');
  if (!lacks.some(({ matters }) => matters)) {
    return { ...base, status: 'ok', found: release, why: `Without ${list}.` };
  }
  return {
    ...base,
    status: 'note',
    found: release,
    why: `It lacks, unless the distribution has added it: ${list}.`,
    advice: 'All works, more slowly. A kernel of 5.14 or later has what counts.',
  };
}
