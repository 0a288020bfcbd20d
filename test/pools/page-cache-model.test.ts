// A PageCache against an array of pages: whatever is pinned, changed, read ahead, written and dropped.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { type Page, PageCache } from 'superslab/files';
import { expect, test } from 'vitest';
import { numberedFile } from './page-files.js';

const PAGE = 512;
const PAGES = 30;
const FRAMES = 7;

type Step =
  | { do: 'change' | 'look' | 'pin' | 'flush'; no: number; byte: number }
  | { do: 'release' | 'checkpoint' | 'trim' | 'scan' | 'grow'; no: number; byte: number }
  | { do: 'prefetch' | 'later'; no: number; byte: number };

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom<Step['do'][]>(
    ...(['change', 'change', 'change', 'look', 'look', 'pin', 'release', 'flush'] as const),
    ...(['checkpoint', 'trim', 'scan', 'grow', 'prefetch', 'later'] as const),
  ),
  no: fc.nat(PAGES - 1),
  byte: fc.integer({ min: 1, max: 255 }),
}) as fc.Arbitrary<Step>;

class Run {
  readonly file: string;
  readonly cache: PageCache;
  readonly model: number[] = Array.from({ length: PAGES }, () => 0);
  readonly pinned: Page[] = [];
  readonly later: Promise<Page>[] = [];

  constructor(checksums: 'none' | 'crc32c') {
    this.file = numberedFile(checksums === 'none' ? PAGES : 0, PAGE);
    this.cache = PageCache.open({
      file: this.file,
      pageSize: PAGE,
      cacheBytes: FRAMES * PAGE,
      checksums,
      leakDetection: 'off',
      guard: 'off',
    });
    if (checksums !== 'none') this.cache.grow(PAGES);
  }

  see(page: Page): void {
    expect(page.buffer.subarray(4, 200).every((byte) => byte === this.model[page.no])).toBe(true);
  }

  async do({ do: what, no, byte }: Step): Promise<void> {
    const { cache, model, pinned, later } = this;
    if (what === 'checkpoint') return cache.checkpoint();
    if (what === 'trim') return void cache.trim();
    if (what === 'flush') return void cache.flush(no);
    if (what === 'prefetch') return void cache.prefetch(no, byte % 4);
    if (what === 'release') return pinned.pop()?.release();
    if (what === 'later') {
      if (later.length < FRAMES) later.push(cache.pin(no));
      return;
    }
    // Promises have pins that are counted, too.
    for (const page of await Promise.all(later.splice(0))) {
      this.see(page);
      page.release();
    }
    if (what === 'grow') {
      for (let i = 0; i < byte % 3; i++) model.push(0);
      cache.grow(byte % 3);
    } else if (what === 'scan') {
      for (const page of cache.scan({ from: no, ring: 1 })) this.see(page);
    } else {
      const page = cache.pinSync(no);
      this.see(page);
      if (what === 'change') {
        model[no] = byte;
        page.buffer.fill(byte, 4, 200);
        page.markDirty();
      }
      if (what === 'pin' && pinned.length < FRAMES - 2) pinned.push(page);
      else page.release();
    }
  }

  async end(): Promise<void> {
    for (const page of await Promise.all(this.later)) page.release();
    for (const page of this.pinned) this.see(page);
    for (const page of this.pinned) page.release();
    expect(this.cache.check()).toEqual([]);
    expect(this.cache.figures()).toMatchObject({ pinned: 0, damaged: 0, filePages: this.model.length });
    this.cache.close();
    const bytes = readFileSync(this.file);
    expect(bytes.length).toBe(this.model.length * PAGE);
    this.model.forEach((byte, no) => {
      expect(bytes.subarray(no * PAGE + 4, no * PAGE + 200).every((one) => one === byte)).toBe(true);
    });
  }
}

test.each(['none', 'crc32c'] as const)('checksums: %s', { timeout: 60_000 }, async (checksums) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const run = new Run(checksums);
      for (const one of steps) await run.do(one);
      await run.end();
    }),
    { numRuns: 60 },
  );
});
