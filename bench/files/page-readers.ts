// Pages of 4 KiB by several means, each with the same memory for those that are read again.
import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs';
import { open as openLmdb } from 'lmdb';
import { LRUCache } from 'lru-cache';
import { PageCache } from 'superslab/files';

export const PAGE_BYTES = 4096;

export type PageReader = 'superslab' | 'fs and lru-cache' | 'lmdb';

export interface Pages {
  /** The first byte of a page. */
  readSync(no: number): number;
  read(no: number): Promise<number>;
  close(): void;
}

function ours(file: string, cacheBytes: number): Pages {
  const cache = PageCache.open({ file, cacheBytes, access: 'read' });
  return {
    readSync(no) {
      const page = cache.pinSync(no);
      const byte = page.buffer[0]!;
      page.release();
      return byte;
    },
    async read(no) {
      const page = cache.tryPin(no) ?? (await cache.pin(no));
      const byte = page.buffer[0]!;
      page.release();
      return byte;
    },
    close: () => cache.close(),
  };
}

/** What a program does without: buffers of pages that were dropped are used again. */
function fsAndLru(file: string, cacheBytes: number): Pages {
  const descriptor = openSync(file, 'r');
  let spare: Buffer | undefined;
  const cache = new LRUCache<number, Buffer>({
    max: cacheBytes / PAGE_BYTES,
    dispose: (buffer) => {
      spare = buffer;
    },
  });
  const bufferFor = (): Buffer => {
    const buffer = spare ?? Buffer.allocUnsafeSlow(PAGE_BYTES);
    spare = undefined;
    return buffer;
  };
  return {
    readSync(no) {
      const known = cache.get(no);
      if (known !== undefined) return known[0]!;
      const buffer = bufferFor();
      readSync(descriptor, buffer, 0, PAGE_BYTES, no * PAGE_BYTES);
      cache.set(no, buffer);
      return buffer[0]!;
    },
    async read(no) {
      const known = cache.get(no);
      if (known !== undefined) return known[0]!;
      const buffer = bufferFor();
      await new Promise<void>((resolve, reject) => {
        read(descriptor, buffer, 0, PAGE_BYTES, no * PAGE_BYTES, (error) =>
          error === null ? resolve() : reject(error),
        );
      });
      cache.set(no, buffer);
      return buffer[0]!;
    },
    close: () => closeSync(descriptor),
  };
}

/** Its pages are those of the kernel's cache: it has no limit of its own. */
function lmdb(file: string): Pages {
  const store = openLmdb<Buffer, number>({ path: `${file}.lmdb`, encoding: 'binary', keyEncoding: 'uint32' });
  const pages = fstatSync(openSync(file, 'r')).size / PAGE_BYTES;
  if (store.getBinaryFast(pages - 1) === undefined) {
    store.transactionSync(() => {
      for (let no = 0; no < pages; no++) void store.put(no, Buffer.alloc(PAGE_BYTES, no));
    });
  }
  const readOne = (no: number) => store.getBinaryFast(no)![0]!;
  return { readSync: readOne, read: async (no) => readOne(no), close: () => void store.close() };
}

export function pagesOf(reader: PageReader, file: string, cacheBytes: number): Pages {
  if (reader === 'superslab') return ours(file, cacheBytes);
  return reader === 'lmdb' ? lmdb(file) : fsAndLru(file, cacheBytes);
}
