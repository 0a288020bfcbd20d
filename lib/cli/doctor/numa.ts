import { bytes } from '../../base/text.js';
import { type Finding, setSysctl } from './finding.js';
import { type Files, knob, type Machine, readNumber } from './machine.js';

const FOLDER = '/sys/devices/system/node';

export interface MemoryNode {
  readonly id: number;
  readonly folder: string;
  readonly totalBytes: number;
}

/** The nodes that have memory, by number. */
export function nodesOf(machine: Files): MemoryNode[] {
  return machine
    .list(FOLDER)
    .flatMap((name) => /^node(\d+)$/.exec(name)?.[1] ?? [])
    .map((id) => {
      const folder = `${FOLDER}/node${id}`;
      const kib = /MemTotal:\s*(\d+) kB/.exec(machine.read(`${folder}/meminfo`) ?? '')?.[1];
      return { id: Number(id), folder, totalBytes: Number(kib ?? 0) * 1024 };
    })
    .filter((node) => node.totalBytes > 0)
    .sort((a, b) => a.id - b.id);
}

/** Where the processors and the memory are, and how far from each other: `0: 16.0 GiB, processors 0-7; 1: ...`. */
function topology(machine: Files, nodes: readonly MemoryNode[]): string {
  const line = (folder: string, file: string) => machine.read(`${folder}/${file}`)?.trim() || undefined;
  const places = nodes.map(({ id, folder, totalBytes }) => {
    const processors = line(folder, 'cpulist');
    return `${id}: ${bytes(totalBytes)}${processors === undefined ? '' : `, processors ${processors}`}`;
  });
  const distances = nodes.flatMap(({ id, folder }) => {
    const found = line(folder, 'distance');
    return found === undefined ? [] : `${id}: ${found}`;
  });
  return [places.join('; '), ...(distances.length === 0 ? [] : [`distances ${distances.join(', ')}`])].join(
    '; ',
  );
}

export function numa(machine: Machine): Finding {
  const base = {
    id: 'numa',
    title: 'memory nodes',
    source: 'https://docs.kernel.org/admin-guide/sysctl/kernel.html#numa-balancing',
  };
  const nodes = nodesOf(machine);
  if (nodes.length <= 1) return { ...base, status: 'ok', found: 'one', why: 'All memory is equally near.' };
  const placement = knob(machine, 'SUPERSLAB_NUMA') ?? 'local';
  const found = `${topology(machine, nodes)}; SUPERSLAB_NUMA=${placement}`;
  const balancing = readNumber(machine, '/proc/sys/kernel/numa_balancing') ?? 0;
  if (balancing === 0) {
    const why =
      'superslab places the memory of pools and moves what threads of another node use (docs/pools/NUMA.md); the kernel moves none.';
    return { ...base, status: 'ok', found, why };
  }
  return {
    ...base,
    status: 'note',
    found: `${found}; balancing on`,
    // Ranges with a policy of their own lack MPOL_F_MOF, and mpol_misplaced() leaves those alone.
    why:
      'The kernel unmaps pages now and then to see who uses them. It leaves alone what superslab places, but not ' +
      "V8's heap: page faults that pay only if threads stay on their node.",
    advice: 'Measure without it, above all if the process is bound to a node.',
    ...setSysctl('kernel.numa_balancing', 0),
  };
}
