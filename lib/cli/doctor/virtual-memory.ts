// What the kernel promises of memory, and how many mappings a process may have.
import { bytes } from '../../base/text.js';
import { type Finding, setSysctl } from './finding.js';
import { type Files, type Machine, readNumber } from './machine.js';

/** A figure of /proc/meminfo, in bytes. */
function meminfo(machine: Files, name: string): number | undefined {
  const kib = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(machine.read('/proc/meminfo') ?? '')?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/** From here on a process that wants a little more may be refused it. */
const NEARLY_ALL = 0.9;

export function overcommit(machine: Machine): Finding {
  const base = {
    id: 'overcommit',
    title: 'overcommit',
    source: 'https://docs.kernel.org/mm/overcommit-accounting.html',
  };
  const mode = readNumber(machine, '/proc/sys/vm/overcommit_memory');
  if (mode === undefined) {
    return { ...base, status: 'note', found: 'not readable', why: 'There is no vm.overcommit_memory here.' };
  }
  if (mode !== 2) {
    const found = mode === 0 ? 'heuristic (0)' : `always (${mode})`;
    return { ...base, status: 'ok', found, why: 'Addresses that superslab reserves cost nothing.' };
  }
  const limit = meminfo(machine, 'CommitLimit') ?? 0;
  const promised = meminfo(machine, 'Committed_AS') ?? 0;
  const tight = limit > 0 && promised > NEARLY_ALL * limit;
  // Either may be what sets the limit; the other one reads 0 then.
  const kbytes = readNumber(machine, '/proc/sys/vm/overcommit_kbytes') ?? 0;
  const share = kbytes > 0 ? '' : `, ratio ${readNumber(machine, '/proc/sys/vm/overcommit_ratio') ?? 50} %`;
  return {
    ...base,
    status: tight ? 'problem' : 'warning',
    found: `strict (2)${share}: ${bytes(promised)} of ${bytes(limit)} promised`,
    why:
      'Whatever is writable counts, used or not: memory that superslab has given back still does, and a fork ' +
      `counts twice.${tight ? ' Allocations are about to be refused.' : ''}`,
    advice: 'Mode 0 refuses what is plainly too much and nothing else.',
    ...setSysctl('vm.overcommit_memory', 0),
  };
}

/** DEFAULT_MAX_MAP_COUNT of include/linux/mm.h. */
const COMMON_MAPS = 65_530;
/** Ample for every program we know. A mapping costs the kernel some 200 bytes, and only once it is there. */
const MANY_MAPS = 262_144;

export function mapCount(machine: Machine): Finding {
  const base = {
    id: 'max-map-count',
    title: 'mappings a process',
    source: 'https://docs.kernel.org/admin-guide/sysctl/vm.html#max-map-count',
  };
  const limit = readNumber(machine, '/proc/sys/vm/max_map_count');
  if (limit === undefined) {
    return { ...base, status: 'note', found: 'not readable', why: 'There is no vm.max_map_count here.' };
  }
  const found = `up to ${limit}`;
  if (limit >= COMMON_MAPS) {
    return {
      ...base,
      status: 'ok',
      found,
      why: 'superslab needs few: neighbours of one kind are one mapping.',
    };
  }
  return {
    ...base,
    status: 'warning',
    found,
    why: `Fewer than the kernel's default of ${COMMON_MAPS}. At the limit the kernel refuses memory that is there.`,
    ...setSysctl('vm.max_map_count', MANY_MAPS),
  };
}
