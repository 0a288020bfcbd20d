import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { MappedPool } from 'superslab/files';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Source } from '../examples/log-server/receive/message-sink.ts';
import { ReceiveBuffer } from '../examples/log-server/receive/receive-buffer.ts';
import { ReceiveSize } from '../examples/log-server/receive/receive-size.ts';
import { Archive, type ArchiveEvents } from '../examples/log-server/store/archive.ts';
import { readArchive } from '../examples/log-server/store/archive-reader.ts';
import { BlockStats } from '../examples/log-server/store/block-stats.ts';
import { ENTRIES_PER_BLOCK } from '../examples/log-server/store/entry-block.ts';
import type { EntryAppender } from '../examples/log-server/store/find-entries.ts';
import {
  INDEX_RECORD_BYTES,
  readIndex,
  writeIndexRecord,
} from '../examples/log-server/store/index-record.ts';
import { RecentEntries } from '../examples/log-server/store/recent-entries.ts';
import { openState } from '../examples/log-server/store/state.ts';
import { MAX_FRAME_HEADER, writeFrameHeader } from '../examples/log-server/syslog/frame.ts';
import { SyslogParser } from '../examples/log-server/syslog/parser.ts';
import { CheckedMemory } from './log-server-checked-memory.ts';

const memory = () => new CheckedMemory();
const parser = new SyslogParser();

function source(name = 'test'): Source {
  return { name, archivedBytes: 0, archivedMessages: 0 };
}

/** A receive buffer that has received lines, and where they are. */
function receive(pool: CheckedMemory, lines: string[]) {
  const buffer = new ReceiveBuffer(pool, 64 * 1024);
  const ranges = lines.map((line) => {
    const start = buffer.filled;
    buffer.filled += buffer.bytes.write(`${line}\n`, start);
    return [start, buffer.filled - 1] as const;
  });
  return { buffer, ranges };
}

describe('archive', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'log-server-test-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  function events(): ArchiveEvents {
    return {
      drained: vi.fn(),
      written: vi.fn(),
      failed: (error) => {
        throw error;
      },
    };
  }

  it('reads back what was appended, and releases every buffer', async () => {
    const pool = memory();
    const archive = await Archive.open(directory, pool, { maxPending: 1e6 }, events());
    const from = source();
    const lines = Array.from({ length: 5000 }, (_, number) => `<${number % 192}>message ${number}`);
    for (let at = 0; at < lines.length; at += 100) {
      const { buffer, ranges } = receive(pool, lines.slice(at, at + 100));
      for (const [start, end] of ranges) archive.count(parser.parse(buffer.bytes, start, end));
      archive.append(buffer.bytes, 0, buffer.filled, 100, from);
      buffer.release();
    }
    await archive.close();

    const read: string[] = [];
    await readArchive(archive.path, (bytes, start, end) => read.push(bytes.toString('latin1', start, end)));
    expect(read).toEqual(lines);
    expect(from).toMatchObject({ archivedBytes: archive.appendedBytes, archivedMessages: lines.length });
    expect(pool.live).toBe(0);
  });

  it('makes one piece of what lies side by side', async () => {
    const pool = memory();
    const archive = await Archive.open(directory, pool, { maxPending: 1e6 }, events());
    const { buffer } = receive(pool, ['a', 'b', 'c']);
    const retain = vi.spyOn(pool, 'retain');
    archive.append(buffer.bytes, 0, 2, 1, source('same'));
    expect(retain).toHaveBeenCalledTimes(1);
    const same = source('same');
    archive.append(buffer.bytes, 2, 4, 1, same);
    archive.append(buffer.bytes, 4, 6, 1, same);
    expect(retain).toHaveBeenCalledTimes(2);
    buffer.release();
    await archive.close();
    expect(await readFile(archive.path, 'latin1')).toBe('a\nb\nc\n');
    expect(same.archivedMessages).toBe(2);
  });

  it('says when too much is waiting, and when no more', async () => {
    const pool = memory();
    const told = events();
    const archive = await Archive.open(directory, pool, { maxPending: 100 }, told);
    const { buffer } = receive(pool, ['x'.repeat(250)]);
    archive.append(buffer.bytes, 0, 80, 0, source());
    expect(archive.congested).toBe(false);
    archive.append(buffer.bytes, 80, 150, 0, source());
    expect(archive.congested).toBe(true);
    expect(archive.overloaded).toBe(false);
    archive.append(buffer.bytes, 150, 251, 1, source());
    expect(archive.overloaded).toBe(true);
    buffer.release();
    await archive.close();
    expect(told.drained).toHaveBeenCalledTimes(1);
    expect(archive.congested).toBe(false);
  });

  it('accounts for every byte and message in its index', async () => {
    const pool = memory();
    const archive = await Archive.open(directory, pool, { maxPending: 1e9 }, events());
    for (let round = 0; round < 3; round++) {
      const line = `<11>1 2026-01-0${round + 1}T00:00:00Z h a p i - ${'x'.repeat(900)}`;
      for (let number = 0; number < 30; number++) {
        const { buffer, ranges } = receive(
          pool,
          Array.from({ length: 50 }, () => line),
        );
        for (const [start, end] of ranges) archive.count(parser.parse(buffer.bytes, start, end));
        archive.append(buffer.bytes, 0, buffer.filled, 50, source());
        buffer.release();
      }
    }
    await archive.close();
    const records = readIndex(await readFile(archive.path.replace(/log$/, 'index')));
    expect(records.length).toBeGreaterThan(3);
    let offset = 0;
    for (const record of records) {
      expect(record.offset).toBe(offset);
      expect(record.severities[3]).toBe(record.messages);
      offset += record.byteLength;
    }
    expect(offset).toBe(archive.appendedBytes);
    expect(records[0]!.minTime).toBe(Date.parse('2026-01-01T00:00:00Z') * 1000);
    expect(records.at(-1)!.maxTime).toBe(Date.parse('2026-01-03T00:00:00Z') * 1000);
  });

  it('leaves no files where nothing came', async () => {
    const archive = await Archive.open(directory, memory(), { maxPending: 100 }, events());
    expect(existsSync(archive.path)).toBe(true);
    await archive.close();
    expect(existsSync(archive.path)).toBe(false);
    expect(existsSync(archive.path.replace(/log$/, 'index'))).toBe(false);
  });
});

describe('archive index', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(
        fc.record({
          offset: fc.maxSafeInteger(),
          byteLength: fc.nat(),
          messages: fc.nat(),
          unparsed: fc.nat(),
          minTime: fc.double({ noNaN: true }),
          maxTime: fc.double({ noNaN: true }),
          severities: fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
        }),
        (record) => {
          const stats = new BlockStats();
          Object.assign(stats, { ...record, severities: Uint32Array.from(record.severities) });
          const page = Buffer.alloc(8 + INDEX_RECORD_BYTES, 0xff);
          page.write('SLOGIDX1');
          writeIndexRecord(page, 8, stats);
          expect(readIndex(page)).toEqual([record]);
        },
      ),
    );
  });

  it('refuses other files', () => {
    expect(() => readIndex(Buffer.from('no index at all'))).toThrow('not an archive index');
  });
});

describe('recent entries', () => {
  function append(recent: RecentEntries, pool: CheckedMemory, lines: string[]): void {
    const { buffer, ranges } = receive(pool, lines);
    for (const [start, end] of ranges) {
      recent.append(buffer, start, end, parser.parse(buffer.bytes, start, end), 1000);
    }
    buffer.release();
  }

  it('keeps every field', () => {
    const pool = memory();
    const recent = new RecentEntries(pool, 1e6);
    const line = '<165>1 2003-08-24T05:14:15.000003-07:00 h a p i [x y="z"] \ufefftéxt';
    append(recent, pool, ['other', line]);
    expect(recent.find({ count: 1, severity: 7 })).toEqual([
      {
        format: 'rfc5424',
        facility: 20,
        severity: 5,
        time: Date.parse('2003-08-24T12:14:15Z') * 1000 + 3,
        zone: -420,
        received: 1000,
        host: 'h',
        app: 'a',
        proc: 'p',
        id: 'i',
        data: '[x y="z"]',
        text: 'téxt',
      },
    ]);
  });

  it('leaves out line ends that the framing did not take away', () => {
    const pool = memory();
    const recent = new RecentEntries(pool, 1e6);
    append(recent, pool, ['<1>1 - h a p i - text\r', '<1>a: text\0']);
    expect(recent.find({ count: 2, severity: 7 }).map(({ text }) => text)).toEqual(['text', 'text']);
  });

  it('finds the newest first, by severity, host and program', () => {
    const pool = memory();
    const recent = new RecentEntries(pool, 1e6);
    append(recent, pool, ['<11>1 - h1 a1 - - - one', '<14>1 - h1 a2 - - - two', '<11>1 - h2 a1 - - - three']);
    const find = (filter: object) =>
      recent.find({ count: 10, severity: 7, ...filter }).map(({ text }) => text);
    expect(find({})).toEqual(['three', 'two', 'one']);
    expect(find({ severity: 3 })).toEqual(['three', 'one']);
    expect(find({ host: 'h1' })).toEqual(['two', 'one']);
    expect(find({ app: 'a1', count: 1 })).toEqual(['three']);
  });

  it('forgets the oldest, within its memory, and gives everything back in the end', () => {
    const pool = memory();
    const recent = new RecentEntries(pool, 512 * 1024);
    const lines = (round: number) =>
      Array.from({ length: 100 }, (_, n) => `<${n}>a: ${round} ${'x'.repeat(200)}`);
    for (let round = 0; round < 200; round++) append(recent, pool, lines(round));
    // What it says it holds is what it holds; the block that is being filled comes on top of the limit.
    expect(recent.heldBytes).toBe(pool.liveBytes);
    expect(pool.liveBytes).toBeLessThan(512 * 1024 + ENTRIES_PER_BLOCK * 64 + 12 * 64 * 1024);
    const newest = recent.find({ count: 1, severity: 7 })[0]!;
    expect(newest.text).toMatch(/^199 x+$/);
    const all = recent.find({ count: 1e6, severity: 7 });
    expect(all.length).toBe(recent.length);
    expect(all.at(-1)!.text).toMatch(/^1\d\d x+$/);
    recent.release();
    expect(pool.live).toBe(0);
  });
});

describe('entries in a file', () => {
  const line = (n: number) => `<11>1 2026-01-01T00:00:00Z host app - - - entry ${n} ${'x'.repeat(900)}`;
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'log-server-test-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const append = (entries: EntryAppender, from: number, count: number) => {
    const pool = memory();
    const { buffer, ranges } = receive(
      pool,
      Array.from({ length: count }, (_, n) => line(from + n)),
    );
    for (const [start, end] of ranges)
      entries.append(buffer, start, end, parser.parse(buffer.bytes, start, end), 1000);
    buffer.release();
    expect(pool.live).toBe(0);
  };
  const numbers = (entries: EntryAppender, count = 1e6) =>
    entries.find({ count, severity: 7 }).map(({ text }) => Number(text.split(' ')[1]));
  const down = (from: number, count: number) => Array.from({ length: count }, (_, n) => from - n);

  it('are there again when the file is opened again, the newest first', () => {
    const store = openState(directory, 1 << 20, 32 * 1024);
    append(store.entries, 0, 50);
    expect(numbers(store.entries, 3)).toEqual([49, 48, 47]);
    store.close();
    const again = openState(directory, 1 << 20, 32 * 1024);
    expect(again.entries.length).toBe(50);
    expect(numbers(again.entries)).toEqual(down(49, 50));
    append(again.entries, 50, 10);
    expect(numbers(again.entries)).toEqual(down(59, 60));
    expect(again.entries.find({ count: 1, severity: 7 })[0]).toMatchObject({
      host: 'host',
      app: 'app',
      severity: 3,
    });
    again.close();
  });

  it('go on in compressed memory when the file has enough, and end there with the process', () => {
    const store = openState(directory, 1 << 20, 32 * 1024);
    for (let round = 0; round < 60; round++) append(store.entries, round * 50, 50);
    // The file has room for four segments of 256 KiB, of which one is begun.
    const inFile = store.entries.length;
    expect(inFile).toBeGreaterThan(700);
    expect(inFile).toBeLessThan(1100);
    expect(numbers(store.entries)).toEqual(down(2999, 3000));
    expect(numbers(store.entries, 10)).toEqual(down(2999, 10));
    store.close();
    const again = openState(directory, 1 << 20, 32 * 1024);
    expect(numbers(again.entries)).toEqual(down(2999, inFile));
    again.close();
    // With less room, the oldest go; with segments of another size, all.
    const less = openState(directory, 512 * 1024, 32 * 1024);
    expect(less.entries.length).toBeLessThan(inFile);
    expect(numbers(less.entries)).toEqual(down(2999, less.entries.length));
    less.close();
    const other = openState(directory, 1 << 20, 1024 * 1024);
    expect(other.entries.length).toBe(0);
    other.close();
    const pool = MappedPool.open(join(directory, 'state.slab'));
    expect(pool.verify()).toMatchObject({ wrong: 0, blocks: 1 });
    pool.close();
  });

  it('leave out what a power failure has torn', () => {
    const store = openState(directory, 1 << 20, 32 * 1024);
    append(store.entries, 0, 50);
    store.close();
    const pool = MappedPool.open(join(directory, 'state.slab'));
    pool.root('entries')!.writeUInt32LE(4000, 16); // more entries than have room
    pool.commit();
    pool.close();
    const again = openState(directory, 1 << 20, 32 * 1024);
    expect(again.entries.length).toBe(0);
    append(again.entries, 0, 5);
    expect(numbers(again.entries)).toEqual(down(4, 5));
    again.close();
  });

  it('have the index of the archives beside them, which accounts for every byte and message', async () => {
    const lengths = [30, 0, 40];
    for (const count of lengths) {
      const store = openState(directory, 1 << 20, 32 * 1024);
      const pool = memory();
      const told = { drained: vi.fn(), written: vi.fn(), failed: vi.fn() };
      const archive = await Archive.open(directory, pool, { maxPending: 1e9 }, told, store.index);
      for (let n = 0; n < count * 60; n++) {
        const { buffer, ranges } = receive(pool, [line(n)]);
        archive.count(parser.parse(buffer.bytes, ranges[0]![0], ranges[0]![1]));
        archive.append(buffer.bytes, 0, buffer.filled, 1, source());
        buffer.release();
      }
      await archive.close();
      expect(told.failed).not.toHaveBeenCalled();
      expect(existsSync(archive.path)).toBe(count > 0);
      store.close();
    }
    const store = openState(directory, 1 << 20, 32 * 1024);
    const archives = store.archives();
    expect(archives.map(({ records }) => records.reduce((sum, { messages }) => sum + messages, 0))).toEqual([
      2400, 1800,
    ]);
    for (const { name, records } of archives) {
      let offset = 0;
      for (const record of records) {
        expect(record.offset).toBe(offset);
        offset += record.byteLength;
      }
      expect((await readFile(name)).length).toBe(offset);
    }
    store.close();
  });
});

describe('frame header', () => {
  it.each([
    [0, '\n'],
    [1, '1 '],
    [9, '9 '],
    [10, '10 '],
    [99, '99 '],
    [100, '100 '],
    [123456789, '123456789 '],
  ])('for %d bytes is %j', (length, expected) => {
    const bytes = Buffer.alloc(16, '#');
    const end = writeFrameHeader(bytes, 2, length);
    expect(bytes.toString('latin1', 0, end)).toBe(`##${expected}`);
    expect(end - 2).toBeLessThanOrEqual(MAX_FRAME_HEADER);
  });
});

describe('receive size', () => {
  const use = (size: ReceiveSize, reads: number, needed = 0) => {
    for (let read = 0; read < reads; read++) size.read();
    return size.next(needed) / 1024;
  };

  it('grows while buffers fill in a few reads, to the limit, and shrinks when it takes many', () => {
    const size = new ReceiveSize(64 * 1024);
    expect(use(size, 0)).toBe(16);
    expect([use(size, 1), use(size, 4), use(size, 2)]).toEqual([32, 64, 64]);
    expect(use(size, 20)).toBe(64);
    expect([use(size, 100), use(size, 100), use(size, 100)]).toEqual([32, 16, 16]);
  });

  it('makes room for a long message', () => {
    expect(use(new ReceiveSize(64 * 1024), 1, 100 * 1024)).toBe(200);
  });
});
