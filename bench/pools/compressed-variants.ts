// Pages of a log by number: in a CompressedPool, and in what programs use instead.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { deflateRaw, gunzipSync, inflateRawSync } from 'node:zlib';
import { CompressedPool } from 'superslab/pools';

export const COMPRESSED_VARIANTS = ['superslab', 'Map of Buffers', 'Map and zlib'] as const;
export type CompressedVariant = (typeof COMPRESSED_VARIANTS)[number];

/** Values by number, from 0 on. */
export interface Pages {
  add(bytes: Buffer): void;
  /** The bytes, for as long as `use` looks at them. */
  read(page: number, use: (bytes: Buffer) => number): number;
  /** Resolves when all is compressed that will be. */
  settle(): Promise<void>;
}

const LOG = new URL('../../../examples/log-server/data/server-log.log.gz', import.meta.url);

const log = gunzipSync(readFileSync(LOG));

/** Pages of `bytes` of the log of examples/log-server, one after the other, and from its start again. */
export function logPages(bytes: number): (page: number) => Buffer {
  const count = Math.floor(log.length / bytes);
  // Each round begins elsewhere, so that no two pages are the same.
  return (page) => {
    const at = (page % count) * bytes + Math.floor(page / count) * 7;
    return at + bytes <= log.length ? log.subarray(at, at + bytes) : log.subarray(0, bytes);
  };
}

function superslab(hotBytes: number): Pages {
  const pool = new CompressedPool({ name: 'pages', hotBytes });
  const handles: number[] = [];
  return {
    add: (bytes) => {
      handles.push(pool.put(bytes));
    },
    read: (page, use) => {
      const handle = handles[page]!;
      const result = use(pool.access(handle));
      pool.release(handle);
      return result;
    },
    async settle() {
      for (let before = -1; pool.tiers().cooled !== before; ) {
        before = pool.tiers().cooled;
        await sleep(300);
      }
      pool.trim();
    },
  };
}

function map(): Pages {
  const pages = new Map<number, Buffer>();
  return {
    add: (bytes) => {
      const copy = Buffer.allocUnsafeSlow(bytes.length);
      bytes.copy(copy);
      pages.set(pages.size, copy);
    },
    read: (page, use) => use(pages.get(page)!),
    settle: async () => {},
  };
}

/** What one writes by hand: the pages used last as they are, the others compressed by promises of node:zlib. */
function mapAndZlib(hotBytes: number): Pages {
  const hot = new Map<number, Buffer>();
  const cold = new Map<number, Buffer>();
  const compress = promisify(deflateRaw) as (bytes: Buffer, options: { level: number }) => Promise<Buffer>;
  let used = 0;
  let count = 0;
  let working: Promise<void> | undefined;
  const shrink = async () => {
    while (used > hotBytes) {
      const [page, bytes] = hot.entries().next().value as [number, Buffer];
      const packed = await compress(bytes, { level: 1 });
      if (hot.get(page) !== bytes) continue;
      hot.delete(page);
      used -= bytes.length;
      cold.set(page, packed);
    }
    working = undefined;
  };
  const keep = (page: number, bytes: Buffer) => {
    hot.set(page, bytes);
    used += bytes.length;
    if (used > hotBytes) working ??= shrink();
  };
  return {
    add: (bytes) => {
      const copy = Buffer.allocUnsafeSlow(bytes.length);
      bytes.copy(copy);
      keep(count++, copy);
    },
    read: (page, use) => {
      let bytes = hot.get(page);
      if (bytes === undefined) {
        bytes = inflateRawSync(cold.get(page)!);
        cold.delete(page);
        keep(page, bytes);
      } else {
        hot.delete(page);
        hot.set(page, bytes);
      }
      return use(bytes);
    },
    settle: async () => {
      await working;
    },
  };
}

/** `hotBytes`: most bytes that are kept as they are; a Map of Buffers keeps all. */
export function pagesOf(variant: CompressedVariant, hotBytes: number): Pages {
  if (variant === 'superslab') return superslab(hotBytes);
  return variant === 'Map of Buffers' ? map() : mapAndZlib(hotBytes);
}
