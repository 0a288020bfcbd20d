// ObjectPool keeps the contract of every pool, and what it does beyond that.
import { ObjectPool } from 'superslab/pools';

import { conformance } from './conformance.js';

interface Thing {
  readonly id: number;
}

let made = 0;
/** What is done when the next object is made. */
let whileMaking: (() => void) | undefined;

function make(): Thing {
  const act = whileMaking;
  whileMaking = undefined;
  act?.();
  return { id: made++ };
}

const opened: WeakRef<ObjectPool<Thing>>[] = [];

conformance<ObjectPool<Thing>, Thing>({
  name: 'ObjectPool',
  open: (options) => {
    const pool = new ObjectPool<Thing>({ create: make, ...options });
    opened.push(new WeakRef(pool));
    return pool;
  },
  limitedTo: (count) => ({ max: count }),
  take: (pool) => pool.get(),
  give: (pool, thing) => pool.put(thing as Thing),
  wait: (pool, signal) => pool.acquire(signal === undefined ? {} : { signal }),
  warm: (pool, count, onProgress) => pool.warm(count, onProgress),
  isLent: (thing) => opened.some((ref) => ref.deref()?.owns(thing)),
  overlap: (one, other) => one === other,
  lendsAgain: true,
  strangers: (thing) => [{ ...thing }, Object.create(thing), new Proxy(thing, {}), () => thing],
  lent: ({ objects }) => objects!.inUse,
  counts: 'objects',
  kept: ({ objects }) => objects!.idle,
  whileTaking: (_, act) => {
    whileMaking = act;
  },
  wrongOptions: [
    [{ create: undefined }, 'create', 'ObjectPool()'],
    [{ create: 1 }, 'create', 'a function', 'got 1'],
    [{ maxx: 1 }, '"maxx"', 'did you mean "max"?'],
    [{ max: -1 }, 'max', '-1'],
    [{ min: 3, max: 2 }, 'min', 'at most max, 2', 'got 3'],
    [{ minIdle: 3, max: 2 }, 'minIdle', 'at most max, 2', 'got 3'],
    [{ validateOnPut: true }, 'validateOnPut', 'validate'],
    [{ order: 'random' }, 'order', '"random"'],
    [{ maxAgeJitter: 2 }, 'maxAgeJitter', '2'],
    [{ idleMs: 'soon' }, 'idleMs', '"soon"'],
    [{ maxBytes: 1 }, '"maxBytes"'],
    [{ guard: 'off' }, '"guard"'],
    [{ leakDetection: 'ful' }, '"leakDetection"', 'did you mean "full"?'],
    [{ name: '' }, 'name', '""'],
  ],
  source: {
    open: "new (await import('superslab/pools')).ObjectPool({ create: () => ({}), ...OPTIONS })",
    take: 'pool.get()',
    give: 'pool.put(thing)',
  },
  unwatched: "leakDetection: 'off'",
});
