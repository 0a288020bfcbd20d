// Statistics: an interface for each owner of rows in native/heap/stats.def.
import { capital, doc, header } from './typescript.mjs';

/** The interfaces, in the order of their file: their owner's name in the addon, their own, and what they are of. */
const INTERFACES = [
  ['heap', 'HeapStats', 'What a heap counts itself.'],
  ['class', 'ClassCounts', 'What is counted of one size class, over all threads.'],
  ['poolClass', 'ClassShares', 'What is derived from the counts of one size class.'],
  ['latency', 'LatencyStats', 'How long slow-path calls took. All 0 while none was timed.'],
  ['histogram', 'LeaseHistograms<Histogram>', 'How leases are spread.'],
  ['pool', 'PoolFigures', 'What is counted of a pool in JavaScript, or derived from what its heap counts.'],
  ['objects', 'ObjectStats', "What is counted of a pool of JavaScript's own objects, in its thread."],
  ['file', 'FileStats', 'What is counted of a pool in a file, in its thread.'],
  ['process', 'ProcessFigures', 'Figures of the whole process.'],
  ['space', 'SpaceStats', 'Figures of the address space that all pools of the process take from.'],
  ['faults', 'PageFaults', 'Page faults of a process.'],
  ['memory', 'MemoryFigures', "What the kernel says of the pools' memory."],
  ['node', 'NodeFigures', 'Pool memory on one NUMA node.'],
];

function field({ owner, name, unit, meaning }) {
  const type = owner === 'histogram' ? 'Histogram' : 'number';
  return `${doc([`${capital(meaning)}. Unit: ${unit}.`], '  ')}  readonly ${name}: ${type};\n`;
}

export function renderFigures(statistics) {
  const homeless = statistics.find(({ owner }) => !INTERFACES.some(([known]) => known === owner));
  if (homeless !== undefined) {
    throw new Error(
      `${homeless.name}: statistics of "${homeless.owner}" have no interface in scripts/generate/figures.mjs`,
    );
  }
  const interfaces = INTERFACES.map(([owner, name, meaning]) => {
    const fields = statistics.filter((row) => row.owner === owner).map(field);
    return `${doc([meaning])}export interface ${name} {\n${fields.join('')}}\n`;
  });
  return [header('native/heap/stats.def'), ...interfaces].join('\n');
}
