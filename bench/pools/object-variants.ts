// What ObjectPool is compared with.
import { createPool } from 'generic-pool';
import { ObjectPool } from 'superslab/pools';
import { Pool as TarnPool } from 'tarn';

export const SYNC_VARIANTS = ['superslab', 'bare array'] as const;
export const ASYNC_VARIANTS = ['superslab', 'generic-pool', 'tarn'] as const;
export type ObjectVariant = (typeof SYNC_VARIANTS)[number] | (typeof ASYNC_VARIANTS)[number];

/** Something worth keeping. */
export interface Connection {
  used: number;
}

const MAX = 64;
const connect = (): Connection => ({ used: 0 });

export interface SyncObjects {
  get(): Connection;
  put(connection: Connection): void;
}

export interface AsyncObjects {
  acquire(): Promise<Connection>;
  release(connection: Connection): unknown;
}

export function syncObjects(variant: ObjectVariant): SyncObjects {
  if (variant === 'superslab') {
    const pool = new ObjectPool({ name: 'bench', create: connect, max: MAX });
    return { get: pool.get, put: pool.put };
  }
  const free: Connection[] = [];
  return {
    get: () => free.pop() ?? connect(),
    put: (connection) => {
      free.push(connection);
    },
  };
}

export function asyncObjects(variant: ObjectVariant): AsyncObjects {
  switch (variant) {
    case 'generic-pool': {
      const factory = { create: async () => connect(), destroy: async () => {} };
      return createPool(factory, { max: MAX });
    }
    case 'tarn': {
      const pool = new TarnPool<Connection>({ create: connect, destroy: () => {}, min: 0, max: MAX });
      return { acquire: () => pool.acquire().promise, release: (connection) => pool.release(connection) };
    }
    default: {
      const pool = new ObjectPool({ name: 'bench', create: async () => connect(), max: MAX });
      return { acquire: () => pool.acquire(), release: pool.put };
    }
  }
}
