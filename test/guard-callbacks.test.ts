// Whoever is told of a misuse may do anything: close the pool, trim, acquire, release, look, throw. Buffers that are
// live then keep their bytes, and what is released comes home, whichever function found the misuse.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { BufferPool, type GuardReport, type PooledBuffer } from 'superslab';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collect } from './support/collect.js';

type Guard = 'poison' | 'canary' | 'detach';
const SIZE = 1000;

let pool: BufferPool;
/** Live buffers, and the byte that each is full of. */
let live: Map<PooledBuffer, number>;
let marks: number;
let told: number;
let uncaught: unknown[];

beforeEach(() => {
  live = new Map();
  marks = 0;
  told = 0;
  uncaught = [];
  process.setUncaughtExceptionCaptureCallback((error) => uncaught.push(error));
});
afterEach(() => process.setUncaughtExceptionCaptureCallback(null));

function own(buf: PooledBuffer): PooledBuffer {
  live.set(buf, ++marks);
  return buf.fill(marks);
}

const acquire = () => own(pool.acquire(SIZE));

function end(buf: PooledBuffer): void {
  expect(buf.length).toBe(SIZE);
  expect(buf.every((byte) => byte === live.get(buf))).toBe(true);
  live.delete(buf);
  buf.release();
}

const endAll = () => {
  // What ends meanwhile, a callback has ended.
  for (const buf of [...live.keys()]) if (live.has(buf)) end(buf);
};

/** What the callback does; at most a few times, for some of it finds the next misuse. */
const actions: { [name: string]: () => void } = {
  'closes the pool': () => pool.close(),
  trims: () => void pool.trim(),
  acquires: () => void acquire(),
  'acquires what was released and writes to it': () => {
    for (let i = 0; i < 4; i++) acquire();
  },
  releases: () => end([...live.keys()][0]!),
  'releases and acquires': () => {
    end([...live.keys()][0]!);
    acquire();
  },
  checks: () => void pool.check(),
  'closes a pool that has everything home': () => {
    endAll();
    pool.close();
  },
  throws: () => {
    throw new Error('from the callback');
  },
};

function react(action: string): void {
  if (++told > 3) return;
  try {
    actions[action]!();
  } catch (error) {
    if (!/^ERR_SUPERSLAB_(CLOSED|EXHAUSTED)$/.test((error as { code?: string }).code ?? '')) throw error;
  }
}

/** Released buffers of the pool that are written to: each is a report for whoever looks. */
function writeLate(count: number): void {
  const late = Array.from({ length: count }, () => {
    const buf = pool.acquire(SIZE);
    const view = new Uint8Array(buf.buffer, 0, SIZE);
    buf.release();
    return view;
  });
  for (const view of late) view[5] = 1;
}

const overflow = (buf: PooledBuffer) => {
  const beyond = new Uint8Array(buf.buffer);
  beyond[SIZE] = ~beyond[SIZE]!;
};

const ifOpen = async (work: () => unknown) => {
  try {
    await work();
  } catch (error) {
    expect((error as { code?: string }).code).toMatch(/^ERR_SUPERSLAB_(CLOSED|OVERFLOW)$/);
  }
};

/** Functions that find misuse, and what is done wrong before. */
const finders: { [name: string]: { guards: Guard[]; quarantineBytes: number; run: () => unknown } } = {
  'acquire()': {
    guards: ['poison', 'canary'],
    quarantineBytes: 0,
    run() {
      writeLate(3);
      acquire();
    },
  },
  'acquireAsync()': {
    guards: ['poison', 'canary'],
    quarantineBytes: 0,
    async run() {
      writeLate(3);
      own(await pool.acquireAsync(SIZE));
    },
  },
  'acquireMany()': {
    guards: ['poison', 'canary'],
    quarantineBytes: 0,
    run() {
      writeLate(3);
      for (const buf of pool.acquireMany(SIZE, 5)) own(buf);
    },
  },
  'an acquire() for which there is no room otherwise': {
    guards: ['poison', 'canary'],
    quarantineBytes: 1 << 20,
    run() {
      writeLate(3);
      const rest: PooledBuffer[] = [];
      try {
        for (;;) rest.push(pool.acquire(SIZE));
      } catch (error) {
        expect((error as { code?: string }).code).toMatch(/^ERR_SUPERSLAB_(CLOSED|EXHAUSTED)$/);
      }
      for (const buf of rest) own(buf);
    },
  },
  'a release() that moves another buffer out of the quarantine': {
    guards: ['poison', 'canary'],
    quarantineBytes: 3000,
    run() {
      const next = [acquire(), acquire(), acquire(), acquire()];
      writeLate(1);
      for (const buf of next) if (live.has(buf)) end(buf);
    },
  },
  'a release() after an overflow': {
    guards: ['canary', 'detach'],
    quarantineBytes: 0,
    run() {
      const buf = acquire();
      overflow(buf);
      live.delete(buf);
      buf.release();
    },
  },
  'trim()': {
    guards: ['poison', 'canary'],
    quarantineBytes: 1 << 20,
    run() {
      writeLate(3);
      pool.trim();
    },
  },
  'check() of released buffers': {
    guards: ['poison', 'canary'],
    quarantineBytes: 2048,
    run() {
      writeLate(4);
      expect(pool.check().length).toBeGreaterThan(0);
    },
  },
  'check() of live buffers': {
    guards: ['canary', 'detach'],
    quarantineBytes: 0,
    run() {
      for (let i = 0; i < 3; i++) overflow(acquire());
      expect(pool.check()).toHaveLength(3);
    },
  },
  'close()': {
    guards: ['poison', 'canary'],
    quarantineBytes: 1 << 20,
    run() {
      writeLate(3);
      pool.close();
    },
  },
};

const cases = Object.entries(finders).flatMap(([finder, { guards }]) =>
  guards.map((guard): [string, Guard] => [finder, guard]),
);

describe.each(cases)('%s, guard %s', (finder, guard) => {
  const { quarantineBytes, run } = finders[finder]!;

  test.each(Object.keys(actions))('a listener %s', async (action) => {
    pool = new BufferPool({ name: 'told', guard, quarantineBytes, maxBytes: 100_000 });
    pool.on('guard', () => react(action));
    await check(run, action);
  });

  test.each(Object.keys(actions))('a subscriber %s', async (action) => {
    pool = new BufferPool({ name: 'told', guard, quarantineBytes, maxBytes: 100_000 });
    const subscriber = () => react(action);
    subscribe('superslab:pool:guard', subscriber);
    try {
      await check(run, action);
    } finally {
      unsubscribe('superslab:pool:guard', subscriber);
    }
  });
});

async function check(run: () => unknown, action: string): Promise<void> {
  for (let i = 0; i < 3; i++) acquire();
  await ifOpen(run);
  expect(told).toBeGreaterThan(0);
  for (const buf of live.keys()) expect(buf.every((byte) => byte === live.get(buf))).toBe(true);
  endAll();
  if (!pool.closed) {
    pool.trim();
    expect(pool.stats()).toMatchObject({ inUseBytes: 0, watchedBlocks: 0, quarantinedBlocks: 0 });
  }
  pool.close();
  // What a callback has thrown is thrown later; until then `detach` waits for what Node.js may have in hand.
  for (let i = 0; i < 100 && (i < 2 || pool.stats().chargedBytes > 0); i++) await new Promise(setImmediate);
  expect(pool.stats()).toMatchObject({ chargedBytes: 0, inUseBytes: 0, doubleFrees: 0 });
  expect(uncaught.map(String)).toEqual(
    action === 'throws' ? expect.arrayContaining(['Error: from the callback']) : [],
  );
}

describe('leaks', () => {
  test.each(Object.keys(actions))('a listener %s', async (action) => {
    pool = new BufferPool({ name: 'told', guard: 'canary', leakDetection: 'full' });
    pool.on('leak', () => react(action));
    for (let i = 0; i < 3; i++) acquire();
    (() => {
      for (let i = 0; i < 3; i++) pool.acquire(SIZE);
    })();
    await collect(() => told >= 3);
    expect(told).toBe(3);
    endAll();
    pool.close();
    expect(pool.stats()).toMatchObject({ chargedBytes: 0, inUseBytes: 0, doubleFrees: 0 });
  });
});

describe('process.emitWarning of the program', () => {
  const { emitWarning } = process;
  afterEach(() => {
    process.emitWarning = emitWarning;
  });

  test('may acquire, release, close the pool and throw', async () => {
    pool = new BufferPool({ name: 'told', guard: 'poison', quarantineBytes: 0 });
    process.emitWarning = () => {
      told++;
      acquire();
      end([...live.keys()][0]!);
      pool.close();
      throw new Error('from the callback');
    };
    await check(() => {
      writeLate(1);
      pool.check();
    }, 'throws');
    expect(told).toBe(1);
  });
});

describe('stacks', () => {
  test('of misuse are taken and written without the stackTraceLimit and prepareStackTrace of the program', () => {
    const { prepareStackTrace } = Error;
    const reports: GuardReport[] = [];
    const touched: string[] = [];
    const before = Object.getOwnPropertyDescriptors(Error);
    pool = new BufferPool({ name: 'told', guard: 'canary' });
    pool.on('guard', (report) => reports.push(report));
    for (const name of ['stackTraceLimit', 'prepareStackTrace'] as const) {
      const { value } = before[name] ?? { value: undefined };
      Object.defineProperty(Error, name, {
        configurable: true,
        get() {
          touched.push(name);
          return value;
        },
        set() {
          touched.push(name);
        },
      });
    }
    try {
      const buf = acquire();
      overflow(buf);
      touched.length = 0;
      end(acquire());
      expect(touched).toEqual([]);
      pool.check(); // node:process reads and writes the limit when it warns
      expect(touched).not.toContain('prepareStackTrace');
      end(buf);
    } finally {
      for (const name of ['stackTraceLimit', 'prepareStackTrace'] as const) {
        if (before[name] === undefined) delete Error[name];
        else Object.defineProperty(Error, name, before[name]);
      }
    }
    expect(Error.prepareStackTrace).toBe(prepareStackTrace);
    expect(reports).toMatchObject([{ acquired: expect.stringContaining('guard-callbacks.test') }]);
    endAll();
    pool.close();
  });
});
