// What GenerationalPool is compared with: requests of 20 small values, of which one in 50 survives for a while.
import { BufferPool } from 'superslab';
import { GenerationalPool, type ValueScope } from 'superslab/pools';

export const GENERATIONAL_VARIANTS = ['superslab', 'BufferPool', 'Buffer.from', 'put and free'] as const;
export type GenerationalVariant = (typeof GENERATIONAL_VARIANTS)[number];

export const VALUES_PER_REQUEST = 20;
const SURVIVES_ONE_OF = 50;
/** Of 16 to 206 bytes. */
const values = Array.from({ length: VALUES_PER_REQUEST }, (_, i) => Buffer.alloc(16 + 10 * i, i));
/** Survivors that live at once; each new one ends the oldest. */
export const SURVIVORS = 20_000;
/** Requests between two collections: a seventh of young was promoted then. */
const COLLECT_EVERY = 50_000;

export interface Requests {
  run(): void;
  /** Bytes of the survivors, and of memory that the pool has. */
  figures(): { readonly liveBytes: number; readonly committedBytes: number };
}

/** The survivors of any kind, in a ring. */
function ring<Thing>(end: (thing: Thing) => void): (thing: Thing) => void {
  const things: Thing[] = [];
  let at = 0;
  return (thing) => {
    if (things.length < SURVIVORS) {
      things.push(thing);
      return;
    }
    end(things[at]!);
    things[at] = thing;
    at = at === SURVIVORS - 1 ? 0 : at + 1;
  };
}

/** By a scope for each request. */
export function scopes(young: number): Requests & { readonly pool: GenerationalPool } {
  const pool = new GenerationalPool({ name: 'generational', young });
  const keep = ring((handle: number) => pool.free(handle));
  let count = 0;
  let requests = 0;
  const body = (scope: ValueScope) => {
    for (let i = 0; i < VALUES_PER_REQUEST; i++) {
      const handle = scope.put(values[i]!);
      if (++count === SURVIVES_ONE_OF) {
        count = 0;
        keep(scope.promote(handle));
      }
    }
  };
  return {
    pool,
    run: () => {
      pool.scope(body);
      if (++requests % COLLECT_EVERY === 0) pool.collect();
    },
    figures: () => {
      const { young: young_, old, permanent } = pool.generations();
      const liveBytes = young_.liveBytes + old.liveBytes + permanent.liveBytes;
      return { liveBytes, committedBytes: pool.stats().committedBytes };
    },
  };
}

/** Values that are taken one by one, and ended one by one. */
function oneByOne<Thing>(
  put: (bytes: Buffer) => Thing,
  end: (thing: Thing) => void,
  after: () => void,
): Requests['run'] {
  const keep = ring(end);
  const current: Thing[] = [];
  let count = 0;
  return () => {
    for (let i = 0; i < VALUES_PER_REQUEST; i++) current[i] = put(values[i]!);
    for (let i = 0; i < VALUES_PER_REQUEST; i++) {
      if (++count === SURVIVES_ONE_OF) {
        count = 0;
        keep(current[i]!);
      } else {
        end(current[i]!);
      }
    }
    after();
  };
}

const none = () => ({ liveBytes: 0, committedBytes: 0 });

export function requestsOf(variant: GenerationalVariant): Requests {
  switch (variant) {
    case 'superslab':
      return scopes(2 ** 24);
    case 'BufferPool': {
      const pool = new BufferPool({ name: 'buffers' });
      const copy = (bytes: Buffer) => {
        const buf = pool.acquire(bytes.length);
        buf.set(bytes);
        return buf;
      };
      return { run: oneByOne(copy, pool.release, () => {}), figures: none };
    }
    case 'Buffer.from':
      return {
        run: oneByOne(
          (bytes) => Buffer.from(bytes),
          () => {},
          () => {},
        ),
        figures: none,
      };
    case 'put and free': {
      const pool = new GenerationalPool({ name: 'one by one', young: 2 ** 24 });
      let requests = 0;
      const run = oneByOne(
        (bytes) => pool.put(bytes),
        (handle) => pool.free(handle),
        () => {
          if (++requests % COLLECT_EVERY === 0) pool.collect();
        },
      );
      return { run, figures: none };
    }
  }
}
