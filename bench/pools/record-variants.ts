// What RecordPool is compared with.
import { RecordPool, record } from 'superslab/pools';

export const RECORD_VARIANTS = ['superslab', 'object literals', 'list of objects'] as const;
export type RecordVariant = (typeof RECORD_VARIANTS)[number];

export interface Records {
  /** Has so many live, in an order of their own. */
  fill(count: number): void;
  /** Another one at that place; the old one is not needed any more. */
  replace(at: number, i: number): void;
  /** Of the field `time` of all that live. */
  sum(): number;
  /** Makes or takes one, sets its four fields and is done with it, `n` times. */
  cycle(n: number): number;
}

interface LogEntry {
  time: number;
  level: number;
  host: number;
  length: number;
}

function superslab(): Records {
  const layout = record({ time: 'f64', level: 'u8', host: 'u32', length: 'u16' });
  const pool = new RecordPool(layout, { name: 'record', columns: ['time'] });
  const { get, put } = pool;
  const live: ReturnType<typeof get>[] = [];
  const made = (i: number) => {
    const entry = get();
    entry.time = i + 0.5;
    entry.level = i;
    entry.host = i;
    entry.length = i;
    return entry;
  };
  return {
    fill: (count) => {
      while (live.length < count) live.push(made(live.length));
    },
    replace: (at, i) => {
      put(live[at]!);
      live[at] = made(i);
    },
    sum: () => {
      let sum = 0;
      for (const { values, start, end } of pool.column('time').runs()) {
        for (let i = start; i < end; i++) sum += values[i]!;
      }
      return sum;
    },
    cycle: (n) => {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const entry = get();
        entry.time = i + 0.5;
        entry.level = i & 7;
        entry.host = i;
        entry.length = i & 0xffff;
        sum += entry.host;
        put(entry);
      }
      return sum;
    },
  };
}

/** A new object each time, which the collector takes. */
function literals(): Records {
  const live: LogEntry[] = [];
  const made = (i: number): LogEntry => ({ time: i + 0.5, level: i & 7, host: i, length: i & 0xffff });
  // So that none of them can be left out.
  const last: LogEntry[] = [made(0)];
  return {
    fill: (count) => {
      while (live.length < count) live.push(made(live.length));
    },
    replace: (at, i) => {
      live[at] = made(i);
    },
    sum: () => {
      let sum = 0;
      for (let i = 0; i < live.length; i++) sum += live[i]!.time;
      return sum;
    },
    cycle: (n) => {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        last[0] = made(i);
        sum += last[0].host;
      }
      return sum;
    },
  };
}

/** The least that uses objects again: a second put lends one twice. */
function list(): Records {
  const free: LogEntry[] = [];
  const live: LogEntry[] = [];
  const made = (i: number): LogEntry => {
    const entry = free.pop() ?? { time: 0.5, level: 0, host: 0, length: 0 };
    entry.time = i + 0.5;
    entry.level = i & 7;
    entry.host = i;
    entry.length = i & 0xffff;
    return entry;
  };
  return {
    ...literals(),
    fill: (count) => {
      while (live.length < count) live.push(made(live.length));
    },
    replace: (at, i) => {
      free.push(live[at]!);
      live[at] = made(i);
    },
    sum: () => {
      let sum = 0;
      for (let i = 0; i < live.length; i++) sum += live[i]!.time;
      return sum;
    },
    cycle: (n) => {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const entry = made(i);
        sum += entry.host;
        free.push(entry);
      }
      return sum;
    },
  };
}

const variants: Record<RecordVariant, () => Records> = {
  superslab,
  'object literals': literals,
  'list of objects': list,
};

export const recordsOf = (variant: RecordVariant): Records => variants[variant]();
