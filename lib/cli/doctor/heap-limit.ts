import { bytes } from '../../base/text.js';
import { memoryLimit } from './cgroup.js';
import type { Finding } from './finding.js';
import { knob, type Machine } from './machine.js';

const MIB = 2 ** 20;

/** Above this share of memory V8 does not leave enough for code, stacks and buffers. */
const LARGE_SHARE = 0.75;

const units: Readonly<Record<string, number>> = { k: 2 ** 10, m: MIB, g: 2 ** 30, t: 2 ** 40 };

/** A size as the native side writes it: "64m". */
function sizeOf(text: string): number {
  const [, number = '0', unit = ''] = /^(\d+)([kmgt]?)$/.exec(text) ?? [];
  return Number(number) * (units[unit] ?? 1);
}

export function heapLimit(machine: Machine): Finding {
  const base = {
    id: 'heap-limit',
    title: "V8's heap limit",
    source: 'https://nodejs.org/api/cli.html#useful-v8-options',
  };
  const limit = memoryLimit(machine);
  const memory = limit?.bytes ?? machine.totalBytes;
  const whose = limit === undefined ? 'of the machine' : `that ${limit.file} allows`;
  const end = limit?.file === 'memory.high' ? 'slowed down' : 'killed';
  const heap = machine.heapLimitBytes;
  const found = `${bytes(heap)}; memory ${bytes(memory)}`;
  const pool = sizeOf(knob(machine, 'SUPERSLAB_MAX_BYTES') ?? '0');
  if (pool >= memory) {
    return {
      ...base,
      status: 'warning',
      found: `${found}; SUPERSLAB_MAX_BYTES ${bytes(pool)}`,
      why: `Pools never reach their limit: the process is ${end} first, and onExhausted never comes to act.`,
      advice: 'A limit for buffers that leaves room for the heap:',
      command: `export SUPERSLAB_MAX_BYTES=${Math.floor(memory / 4 / MIB)}m`,
    };
  }
  const smaller = {
    advice: 'Half of what buffers leave, so that code, stacks and native memory find room too:',
    command: `export NODE_OPTIONS="$NODE_OPTIONS --max-old-space-size=${Math.floor((memory - pool) / 2 / MIB)}"`,
  };
  if (heap > memory) {
    const why = `It is above all the memory ${whose}: the process is ${end} before V8 collects in earnest.`;
    return { ...base, status: 'problem', found, why, ...smaller };
  }
  if (heap + pool > memory) {
    return {
      ...base,
      status: 'warning',
      found: `${found}; SUPERSLAB_MAX_BYTES ${bytes(pool)}`,
      why: `Together they are above the memory ${whose}.`,
      ...smaller,
    };
  }
  if (heap > LARGE_SHARE * memory) {
    const why = `It leaves little of the memory ${whose} for buffers and everything else.`;
    return { ...base, status: 'warning', found, why, ...smaller };
  }
  return { ...base, status: 'ok', found, why: 'There is room for buffers beside the heap.' };
}
