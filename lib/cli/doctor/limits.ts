// Limits of the process, which it has from its shell or service manager. Source: getrlimit(2).
import { bytes } from '../../base/text.js';
import type { Finding } from './finding.js';
import type { Files, Machine } from './machine.js';

const SOURCE = 'https://man7.org/linux/man-pages/man2/getrlimit.2.html';

interface Limit {
  readonly soft: number;
  readonly hard: number;
}

/** A row of /proc/self/limits whose unit is bytes; undefined where it cannot be read. */
function limitOf(machine: Files, row: string): Limit | undefined {
  const found = new RegExp(`^${row}\\s+(\\d+|unlimited)\\s+(\\d+|unlimited)\\s+bytes`, 'm').exec(
    machine.read('/proc/self/limits') ?? '',
  );
  if (found === null) return undefined;
  const number = (text: string) => (text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text));
  return { soft: number(found[1]!), hard: number(found[2]!) };
}

const show = (value: number) => (Number.isFinite(value) ? bytes(value) : 'unlimited');

/** How to lift a limit that `ulimit -option` and a service's `directive` set. */
function lift(limit: Limit, option: string, directive: string): Pick<Finding, 'advice' | 'command'> {
  if (Number.isFinite(limit.hard)) {
    return {
      advice:
        `The hard limit, ${show(limit.hard)}, can be lifted by root alone: ${directive}=infinity in a systemd unit, ` +
        'or /etc/security/limits.conf.',
    };
  }
  return {
    advice: `In the shell that starts the program; ${directive}=infinity in a systemd unit.`,
    command: `ulimit -${option} unlimited`,
  };
}

/** Node, a WebAssembly memory (10 GiB of addresses) and some GiB of pools fit in. */
const ENOUGH_ADDRESSES = 32 * 2 ** 30;

export function addressLimit(machine: Machine): Finding {
  const base = { id: 'address-limit', title: 'addresses (RLIMIT_AS)', source: SOURCE };
  const limit = limitOf(machine, 'Max address space');
  if (limit === undefined || !Number.isFinite(limit.soft)) {
    const found = limit === undefined ? 'not readable' : 'unlimited';
    return {
      ...base,
      status: 'ok',
      found,
      why: 'superslab reserves addresses ahead of need, a quarter of what it has.',
    };
  }
  return {
    ...base,
    status: limit.soft < ENOUGH_ADDRESSES ? 'warning' : 'note',
    found: show(limit.soft),
    why:
      'It counts addresses, not memory. superslab reserves them as it grows and is refused at the limit, ' +
      'like V8, however much memory is free. To limit memory, use a cgroup.',
    ...lift(limit, 'v', 'LimitAS'),
  };
}

export function dataLimit(machine: Machine): Finding {
  const base = { id: 'data-limit', title: 'data (RLIMIT_DATA)', source: SOURCE };
  const limit = limitOf(machine, 'Max data size');
  if (limit === undefined || !Number.isFinite(limit.soft)) {
    const found = limit === undefined ? 'not readable' : 'unlimited';
    return { ...base, status: 'ok', found, why: 'Nothing limits what is writable.' };
  }
  return {
    ...base,
    status: limit.soft < machine.heapLimitBytes ? 'warning' : 'note',
    found: show(limit.soft),
    why:
      "Since Linux 4.7 it counts all private writable memory, used or not: V8's heap, which may grow to " +
      `${bytes(machine.heapLimitBytes)}, and what superslab keeps.`,
    ...lift(limit, 'd', 'LimitDATA'),
  };
}

export function lockLimit(machine: Machine): Finding {
  const limit = limitOf(machine, 'Max locked memory');
  return {
    id: 'lock-limit',
    title: 'locked (RLIMIT_MEMLOCK)',
    status: 'ok',
    found: limit === undefined ? 'not readable' : show(limit.soft),
    // mlock_future_ok() of Linux counts a reservation like any other mapping.
    why:
      'superslab locks nothing. A program that calls mlockall(MCL_FUTURE) needs it unlimited, for the addresses ' +
      'that are reserved count too.',
    source: SOURCE,
  };
}
