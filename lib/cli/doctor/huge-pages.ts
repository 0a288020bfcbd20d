// Explicit huge pages, which somebody reserves beforehand. Source: Documentation/admin-guide/mm/hugetlbpage.rst.
import { type Finding, setSysFile } from './finding.js';
import { type Files, knob, type Machine, readNumber } from './machine.js';
import { nodesOf } from './numa.js';

interface Size {
  readonly word: string;
  readonly name: string;
  readonly kib: number;
  /** What is advised where nothing is reserved: some GiB. */
  readonly pages: number;
}

const sizes: readonly Size[] = [
  { word: '2mb', name: '2 MiB', kib: 2048, pages: 1024 },
  { word: '1gb', name: '1 GiB', kib: 1_048_576, pages: 4 },
];

const folderOf = (size: Size, of = '/sys/kernel/mm') => `${of}/hugepages/hugepages-${size.kib}kB`;

interface Pool {
  readonly size: Size;
  readonly pages: number;
  /** As native/os/huge_pages_linux.cc counts them: free, not promised, and what may still be made. */
  readonly available: number;
}

function poolOf(machine: Files, size: Size): Pool | undefined {
  const figure = (name: string) => readNumber(machine, `${folderOf(size)}/${name}`);
  const pages = figure('nr_hugepages');
  if (pages === undefined) return undefined;
  const left = (of: string, taken: string) => Math.max(0, (figure(of) ?? 0) - (figure(taken) ?? 0));
  const available =
    left('free_hugepages', 'resv_hugepages') + left('nr_overcommit_hugepages', 'surplus_hugepages');
  return { size, pages, available };
}

const base = {
  id: 'huge-pages',
  title: 'reserved huge pages',
  source: 'https://docs.kernel.org/admin-guide/mm/hugetlbpage.html',
};

/** A pool of 1 GiB is rarely to be had once memory is in use: those are named to the boot loader. */
function reserve(size: Size): Pick<Finding, 'advice' | 'command' | 'permanent'> {
  const set = setSysFile(`${folderOf(size)}/nr_hugepages`, String(size.pages), `huge-pages-${size.word}`);
  if (size.word === '2mb') return { advice: `Reserve some, here ${size.pages}.`, ...set };
  return {
    advice:
      `Reserve some, here ${size.pages}; the kernel may find fewer once memory is in use, so for good it is ` +
      `a parameter of the kernel: hugepagesz=1G hugepages=${size.pages}.`,
    command: set.command,
  };
}

function whenAsked(machine: Machine, size: Size): Finding {
  const pool = poolOf(machine, size);
  const asked = `SUPERSLAB_HUGE_PAGES=${size.word}`;
  if (pool === undefined) {
    return {
      ...base,
      status: 'warning',
      found: `no pages of ${size.name}`,
      why: `${asked} asks for pages of a size that this kernel or processor does not have; plain ones are used.`,
      command: 'export SUPERSLAB_HUGE_PAGES=thp',
    };
  }
  const found = `${pool.pages} of ${size.name}, ${pool.available} available`;
  if (pool.available === 0) {
    const why = `${asked} finds none that is free; plain pages are used, and counted.`;
    return { ...base, status: 'warning', found, why, ...reserve(size) };
  }
  const nodes = nodesOf(machine);
  const bare = nodes.filter(
    (node) => readNumber(machine, `${folderOf(size, node.folder)}/nr_hugepages`) === 0,
  );
  if (bare.length > 0 && bare.length < nodes.length) {
    const file = `${folderOf(size, bare[0]!.folder)}/nr_hugepages`;
    return {
      ...base,
      status: 'note',
      found: `${found}; none on node ${bare.map((node) => node.id).join(', ')}`,
      why: 'Threads there get huge pages of another node, whose memory is slower for them.',
      ...setSysFile(file, String(size.pages), `huge-pages-${size.word}-node${bare[0]!.id}`),
    };
  }
  return { ...base, status: 'ok', found, why: `${asked} is served from them.` };
}

export function hugePages(machine: Machine): Finding {
  const size = sizes.find(({ word }) => word === knob(machine, 'SUPERSLAB_HUGE_PAGES'));
  if (size !== undefined) return whenAsked(machine, size);
  const reserved = sizes
    .map((each) => poolOf(machine, each))
    .filter((pool) => pool !== undefined && pool.pages > 0) as Pool[];
  const largest = reserved.at(-1);
  if (largest === undefined) {
    return { ...base, status: 'ok', found: 'none, and none asked for', why: 'Nothing to do.' };
  }
  return {
    ...base,
    status: 'note',
    found: reserved.map((pool) => `${pool.pages} of ${pool.size.name}`).join(', '),
    why: 'superslab does not use them unless it is told to, and nobody else can use their memory for anything else.',
    advice: 'If they are meant for this program:',
    command: `export SUPERSLAB_HUGE_PAGES=${largest.size.word}`,
  };
}
