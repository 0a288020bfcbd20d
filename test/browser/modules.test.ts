// The page's parts that need no browser: bytes taken apart, places on the map, units, scales, rates.
import { describe, expect, test } from 'vitest';
import { decades, niceTop, rateFloor } from '../../dist/inspector/axis.js';
import { bounds, quantileBucket } from '../../dist/inspector/histogram.js';
import { fitAll, hit, layOut, nextZoom, placeOf, ZOOMS } from '../../dist/inspector/map-layout.js';
import { MemoryModel, shareOf, UNTOUCHED } from '../../dist/inspector/memory-model.js';
import { heatStep } from '../../dist/inspector/palette.js';
import { Samples } from '../../dist/inspector/samples.js';
import { frameName } from '../../dist/inspector/site-list.js';
import { slabAt, slabFacts } from '../../dist/inspector/slab-facts.js';
import { bytes, count, duration, nanoseconds, percent, plural } from '../../dist/inspector/units.js';
import { classes, frame, makeMemory, stats } from './support/synthetic.mjs';

const SPACE = '\u202f';

/** A superslab of one slab of four slices (class 20), two of one slice (class 9), the rest free. */
const small = () => ({
  use: 1,
  pool: 2,
  flags: 2,
  run: 0,
  slices: [
    [20, 0xf3],
    [20 | 0x80, 0xf3],
    [20 | 0x80, 0xf3],
    [20 | 0x80, 0xf3],
    [9, 0x82],
    [9, 0x01],
    ...Array.from({ length: 26 }, () => [0, 0]),
  ],
});

describe('memory model', () => {
  test('takes a frame apart, slab by slab', () => {
    const model = new MemoryModel();
    expect(model.apply(frame([small()], [0], true), 5000)).toBe(1);
    expect([model.end, model.present, model.use[0], model.pool[0], model.node[0]]).toEqual([1, 1, 1, 2, 1]);
    expect([...model.tag.slice(0, 7)]).toEqual([20, 20, 20, 20, 9, 9, 0]);
    expect([...model.fullness.slice(0, 6)]).toEqual([15, 15, 15, 15, 8, 0]);
    // Two neighbours of one class are two slabs: the second does not continue the first.
    expect(slabAt(model, 0, 2)).toEqual({ first: 0, slices: 4 });
    expect(slabAt(model, 0, 4)).toEqual({ first: 4, slices: 1 });
    expect(slabAt(model, 0, 5)).toEqual({ first: 5, slices: 1 });
    expect(slabAt(model, 0, 20)).toEqual({ first: 6, slices: 26 });
  });

  test('slices cool down by themselves, and a word from the server does not warm them', () => {
    const model = new MemoryModel();
    const memory = [small()];
    model.apply(frame(memory, [0], true), 100_000);
    expect(model.restedMs(0, 100_000)).toBe(0);
    expect(model.restedMs(5, 100_000)).toBe(60_000);
    expect(model.restedMs(6, 100_000)).toBe(Number.POSITIVE_INFINITY);
    // Another slab of it changed 7 s later: this one is sent along, warm, and stays as old as it was.
    memory[0]!.slices[0]![1] = 0xf2;
    model.apply(frame(memory, [0], false), 107_000);
    expect(model.restedMs(0, 107_000)).toBe(7000);
    memory[0]!.slices[0]![1] = 0xf1;
    model.apply(frame(memory, [0], false), 108_000);
    expect(model.restedMs(0, 108_000)).toBe(60_000);
    memory[0]!.slices[0]![1] = 0xf0;
    model.apply(frame(memory, [0], false), 109_000);
    expect(model.changedAt[0]).toBe(UNTOUCHED);
  });

  test('a full frame forgets what was known, a partial one does not', () => {
    const model = new MemoryModel();
    const memory = makeMemory(5000);
    const all = memory.map((_, i) => i);
    model.apply(frame(memory, all, true), 0);
    expect([model.present, model.end]).toEqual([5000, 5000]);
    model.apply(frame(memory, [17], false), 0);
    expect(model.present).toBe(5000);
    model.apply(frame(memory, [3], true), 0);
    expect([model.present, model.end]).toEqual([1, 4]);
  });

  test('takes longer records than it knows, and no more than came', () => {
    const model = new MemoryModel();
    const short = frame([small(), small()], [0, 1], true);
    const long = Buffer.alloc(16 + 2 * 80);
    short.copy(long, 0, 0, 16);
    long.writeUInt16LE(80, 2);
    for (const n of [0, 1]) short.copy(long, 16 + 80 * n, 16 + 76 * n, 16 + 76 * (n + 1));
    expect(model.apply(long, 0)).toBe(2);
    expect(model.tag[32]).toBe(20);
    expect(model.apply(short.subarray(0, 100), 0)).toBe(1);
    expect(model.apply(short.subarray(0, 7), 0)).toBe(0);
  });

  test('fullness: only nothing is 0, only all is 1', () => {
    expect([shareOf(0), shareOf(15)]).toEqual([0, 1]);
    expect(shareOf(1)).toBeCloseTo(0.5 / 14);
    expect(shareOf(14)).toBeLessThan(1);
  });
});

describe('what the card says', () => {
  const naming = {
    pools: new Map([[2, 'uploads']]),
    classOfTag: new Map(classes.map((one) => [one.tag, { ...one, blocks: 40 }])),
  };
  const facts = (index: number, slice: number, superslabs: any[]) => {
    const model = new MemoryModel();
    model.apply(
      frame(
        superslabs,
        superslabs.map((_, i) => i),
        true,
      ),
      0,
    );
    const found = slabFacts(model, index, slice, naming, 0);
    return found && { title: found.title, ...Object.fromEntries(found.rows) };
  };

  test('of a slab', () => {
    expect(facts(0, 1, [small()])).toMatchObject({
      title: `Blocks of 1${SPACE}KiB`,
      Pool: 'uploads',
      'Blocks out': 'all of 40',
      Temperature: 'hot, changed just now',
      Slab: `256${SPACE}KiB, 4 slices`,
      Superslab: '0 · arena 0',
      Pages: 'transparent huge · node 0',
    });
    expect(facts(0, 4, [small()])?.['Blocks out']).toBe(`about 21 of 40, 54${SPACE}%`);
    expect(facts(0, 5, [small()])?.['Blocks out']).toBe('none of 40');
  });

  test('of free slices, of a large block, of a spare superslab, of nothing', () => {
    expect(facts(0, 30, [small()])?.title).toBe(`Free, 1.63${SPACE}MiB`);
    const large = (use: number, run: number) => ({
      ...small(),
      use,
      run,
      slices: Array.from({ length: 32 }, () => [255, 0xf1]),
    });
    expect(facts(1, 0, [large(2, 2), large(3, 0)])).toMatchObject({
      title: `Huge block, 4${SPACE}MiB`,
      'In use': 'leased',
      Superslabs: '0 to 1',
    });
    const spare = { ...small(), use: 0, pool: 0, flags: 8, slices: small().slices.map(() => [0, 0]) };
    expect(facts(0, 0, [spare])).toMatchObject({ title: 'Spare superslab', State: 'idle, keeps its memory' });
    expect(facts(1, 0, [small()])).toBeUndefined();
  });
});

describe('places on the map', () => {
  const measures = { width: 780, height: 360, scale: 1 };
  const shapes = [[1], [40], [300], [0, 50], [2048, 2048, 2048, 2048, 1808], [3, 0, 2048]];

  test.each(shapes)('a place is found again where it is drawn: %j', (...counts) => {
    for (const layout of [fitAll(counts, measures), ...ZOOMS.map((zoom) => layOut(counts, measures, zoom))]) {
      for (const [ordinal, total] of counts.entries()) {
        for (const place of new Set([0, Math.floor(total / 2), total - 1])) {
          if (place < 0 || place >= total) continue;
          const superslab = ordinal * 2048 + place;
          const at = placeOf(layout, superslab)!;
          expect(hit(layout, at.x, at.y)).toEqual({ superslab, slice: 0 });
          const far = { x: at.x + 8 * layout.sliceX - 1, y: at.y + 4 * layout.sliceY - 1 };
          expect(hit(layout, far.x, far.y)).toEqual({ superslab, slice: 31 });
          expect(hit(layout, far.x + 1, far.y)).toBeUndefined();
          expect(far.x).toBeLessThan(Math.max(measures.width, layout.left + 9 * layout.sliceX));
        }
      }
    }
  });

  test('nothing is where nothing is drawn', () => {
    const layout = layOut([5], measures, 4);
    const last = placeOf(layout, 4)!;
    expect(hit(layout, last.x + layout.stepX, last.y)).toBeUndefined();
    expect(hit(layout, 2, last.y)).toBeUndefined();
    expect(hit(layout, last.x, layout.height + 5)).toBeUndefined();
    expect(placeOf(layout, 5)).toBeUndefined();
    expect(placeOf(layout, 2048)).toBeUndefined();
  });

  test('all of it is in sight when it can be, as large as it can be', () => {
    for (const total of [1, 7, 40, 64, 200, 900]) {
      const layout = fitAll([total], measures);
      expect(layout.height).toBeLessThanOrEqual(measures.height);
      expect(layout.left + layout.perRow * layout.stepX).toBeLessThanOrEqual(measures.width + layout.stepX);
    }
    expect(fitAll([900], measures).sliceY).toBeLessThan(fitAll([64], measures).sliceY);
    expect(fitAll([2048, 2048, 2048, 2048, 2048], measures)).toEqual(
      layOut([2048, 2048, 2048, 2048, 2048], measures, 1),
    );
  });

  test('zooming goes on from whatever fits', () => {
    expect([nextZoom(5, 1), nextZoom(5, -1), nextZoom(6, 1), nextZoom(20, 1), nextZoom(1, -1)]).toEqual([
      6, 4, 8, 20, 1,
    ]);
  });
});

describe('units', () => {
  test.each([
    [bytes(0), '0 B'],
    [bytes(1023), '1023 B'],
    [bytes(1024), '1 KiB'],
    [bytes(1536), '1.5 KiB'],
    [bytes(98.6 * 2 ** 20), '98.6 MiB'],
    [bytes(2 ** 40), '1 TiB'],
    [bytes(undefined), '–'],
    [count(999), '999'],
    [count(1000), '1 k'],
    [count(822_345), '822 k'],
    [count(12.34), '12'],
    [count(0.4), '0.4'],
    [percent(1), '100 %'],
    [percent(0.99999), '99.99 %'],
    [percent(0.5), '50 %'],
    [percent(Number.NaN), '–'],
    [nanoseconds(650), '650 ns'],
    [nanoseconds(26_600), '26.6 µs'],
    [nanoseconds(999_600), '1 ms'],
    [nanoseconds(undefined), '–'],
    [duration(12_340), '12.3 s'],
    [duration(61_000), '1 min 1 s'],
    [duration(3_723_000), '1 h 2 min'],
    [duration(86_400_000 * 3), '3 d 0 h'],
    [plural(1, 'superslab'), '1 superslab'],
    [plural(10_000, 'superslab'), '10,000 superslabs'],
  ])('%s', (shown, expected) => {
    expect(shown.replaceAll(SPACE, ' ')).toBe(expected);
  });

  test('scales end at round numbers', () => {
    expect([niceTop(0), niceTop(1), niceTop(7.2), niceTop(822_345), niceTop(1e6)]).toEqual([
      1, 1, 8, 1e6, 1e6,
    ]);
    expect([niceTop(700, 1024), niceTop(169 * 2 ** 20, 1024)]).toEqual([800, 200 * 2 ** 20]);
    expect([rateFloor(0.9995), rateFloor(0.95), rateFloor(0.2)]).toEqual([0.999, 0.9, 0]);
    expect(decades(640, 26_000)).toEqual([100, 100_000]);
    expect(decades(1000, 1000)).toEqual([1000, 100_000]);
  });

  test('the last second is hottest, a minute coldest', () => {
    expect([heatStep(0), heatStep(1000), heatStep(61_000), heatStep(Number.MAX_VALUE)]).toEqual([
      31, 31, 0, 0,
    ]);
    expect(heatStep(5000)).toBeGreaterThan(heatStep(30_000));
  });

  test('buckets of a histogram', () => {
    const spaced = (text: string) => text.replaceAll(SPACE, ' ');
    expect(spaced(bounds(0, 'bytes'))).toBe('0 to 2 B');
    expect(spaced(bounds(10, 'bytes'))).toBe('1 KiB to 2 KiB');
    expect(spaced(bounds(10, 'us'))).toBe('1.02 ms to 2.05 ms');
    expect([
      quantileBucket([0, 1, 8, 1], 0.5),
      quantileBucket([1, 1, 0, 0], 0.5),
      quantileBucket([1], 1),
    ]).toEqual([2, 0, 0]);
  });

  test('where a leak was acquired, in short', () => {
    expect(frameName('at readBody (file:///srv/shop/upload.js:41:23)')).toBe('readBody  upload.js:41');
    expect(frameName('at /srv/shop/upload.js:41:23')).toBe('upload.js:41');
    expect(frameName('somewhere')).toBe('somewhere');
  });
});

describe('rates', () => {
  const at = (uptimeMs: number, acquires: number, hits: number) => {
    const figures = stats(0, 10);
    return { ...figures, uptimeMs, totals: { ...figures.totals, acquires, hits } } as any;
  };

  test('are differences by the process’s own clock', () => {
    const samples = new Samples();
    expect(samples.push(at(1000, 500, 400), 1)).toMatchObject({ acquires: null, hitRate: null });
    expect(samples.push(at(3000, 1500, 1200), 2)).toMatchObject({ acquires: 500, hitRate: 0.8 });
    // Nothing acquired: no rate of hits, and not a bad one.
    expect(samples.push(at(4000, 1500, 1200), 3)).toMatchObject({ acquires: 0, hitRate: null });
    // A pool was closed and took its counts along.
    expect(samples.push(at(5000, 100, 50), 4)).toMatchObject({ acquires: 0 });
  });

  test('a break is a gap, not a jump', () => {
    const samples = new Samples();
    samples.push(at(1000, 500, 400), 1);
    samples.push(at(2000, 900, 700), 2);
    samples.gap(20);
    expect(samples.last).toMatchObject({ at: 20, acquires: null, inUse: null });
    expect(samples.push(at(30_000, 9e6, 9e6), 30)).toMatchObject({ acquires: null });
  });

  test('five minutes are kept', () => {
    const samples = new Samples();
    for (let second = 0; second < 1000; second++) samples.push(at(second * 1000, second, second), second);
    expect(samples.list.length).toBe(302);
  });
});
