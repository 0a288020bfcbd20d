// A pool that learns how many blocks its magazines hold: from real slow calls to what it tells.
import { BufferPool, type LearningEvent, stats } from 'superslab';
import { describe, expect, test } from 'vitest';
import { childJson } from '../support/child.js';
import { internal } from '../support/internal.js';

const { learningSentence } = internal<typeof import('../../lib/stats/learning.js')>('stats/learning');

/** A child whose control loop looks each tenth of a second. */
const QUICK = {
  SUPERSLAB_DEMAND_INTERVAL_MS: '1000',
  SUPERSLAB_LEARN_INTERVAL_MS: '100',
  SUPERSLAB_CACHE_SHARE: '0',
  SUPERSLAB_LEAK_DETECTION: 'off',
  SUPERSLAB_GUARD: 'off',
};

/** The demand for one size wanders far, for another a little. */
const WANDERING = `
  import { BufferPool } from 'superslab';
  import { subscribe } from 'node:diagnostics_channel';
  import { setTimeout as sleep } from 'node:timers/promises';
  let seed = 7;
  const below = (n) => (seed = (seed * 48271) % 2147483647) % n;
  const held = new Map();
  const wander = (pool, size, least, most) => {
    if (!held.has(size)) held.set(size, pool.acquireMany(size, 200));
    const bufs = held.get(size);
    for (let left = least + below(most - least + 1); left > 0; left--) bufs.push(pool.acquire(size));
    for (let left = least + below(most - least + 1); left > 0 && bufs.length > 0; left--) bufs.pop().release();
  };
  const window = async (pool) => {
    for (let i = 0; i < 50; i++) {
      wander(pool, 65536, 14, 25);
      wander(pool, 81920, 1, 4);
    }
    await sleep(60);
  };
`;

describe('learn', () => {
  test('is off unless it is asked for, and refuses what it is not', () => {
    using pool = new BufferPool({ name: 'unlearned' });
    pool.acquire(100).release();
    expect(pool.stats().learning).toBeUndefined();
    expect(pool.stats().learnKept).toBe(0);
    expect(() => pool.tune({ learn: 'maybe' as 'learn' })).toThrow(/learn.*off, learn, trial, frozen/s);
  });

  test('moves bytes to the size that saves slow calls, and tells of it in stats, report and channel', async () => {
    const found = await childJson(
      `${WANDERING}
      const told = [];
      subscribe('superslab:policy', (message) => told.push(message));
      const pool = new BufferPool({ name: 'learner', learn: 'learn', purgeDelayMs: 200 });
      for (let i = 0; i < 250 && pool.stats().learnKept === 0; i++) await window(pool);
      const { learning, learnKept, learnTrials, learnSavedCalls } = pool.stats();
      for (let i = 0; i < 20; i++) await window(pool);
      const report = pool.report();
      pool.tune({ learn: 'frozen' });
      for (let i = 0; i < 5; i++) await window(pool);
      const frozen = pool.stats().learning;
      pool.tune({ learn: 'off' });
      for (let i = 0; i < 5; i++) await window(pool);
      console.log(JSON.stringify({ learning, learnKept, learnTrials, report, frozen, off: pool.stats().learning, told }));`,
      { env: QUICK },
    );
    expect(found.learnKept).toBeGreaterThan(0);
    expect(found.learnTrials).toBeGreaterThan(0);
    const blocks = new Map<number, number>(
      found.learning.capacities.map((one: { blockBytes: number; blocks: number }) => [
        one.blockBytes,
        one.blocks,
      ]),
    );
    expect(blocks.get(65536)).toBeGreaterThan(16);
    expect(blocks.get(81920)).toBeLessThan(12);
    expect(found.learning).toMatchObject({ mode: 'learn' });
    expect(found.learning.ownBytes).toBeLessThan(512 * 1024);
    const report = found.report.replace(/\s+/g, ' ');
    expect(report).toMatch(/learns learn, \w+: magazines of 2 sizes hold what was learned, which saved/);
    expect(report).toMatch(/Kept magazines of \d+ KiB with \d+ blocks? instead of \d+|Took magazines/);
    expect(found.frozen.mode).toBe('frozen');
    expect(found.frozen.capacities.length).toBe(2);
    expect(found.off).toMatchObject({ mode: 'off', capacities: [] });
    expect(found.told[0]).toMatchObject({
      pool: 'learner',
      kind: 'trial',
      predictedGain: expect.any(Number),
    });
    expect(found.told.map(({ kind }: LearningEvent) => kind)).toContain('kept');
  }, 60_000);

  test('single classes are set by hand', async () => {
    const hits = await childJson(
      `import { BufferPool } from 'superslab';
      const pool = new BufferPool({ name: 'by-hand' });
      const refills = (size) => {
        const bufs = pool.acquireMany(size, 64);
        for (const buf of bufs) buf.release();
        const before = pool.stats().refills;
        for (const buf of pool.acquireMany(size, 64)) buf.release();
        return pool.stats().refills - before;
      };
      console.log(JSON.stringify([refills(512), refills(1024)]));`,
      { env: { ...QUICK, SUPERSLAB_CACHE_BLOCKS: '64,512:2' } },
    );
    expect(hits[0]).toBeGreaterThan(8 * Math.max(hits[1], 1));
  });

  test('each kind of event has a sentence', () => {
    const at = Date.now();
    const moved = { blockBytes: 65536, from: 16, to: 24, predictedGain: 0.25, measuredGain: 0.2 };
    const sentence = (event: Partial<LearningEvent>) =>
      learningSentence({ at, kind: 'trial', ...moved, ...event } as LearningEvent);
    expect(sentence({})).toMatch(/Tries magazines of 64 KiB with 24 blocks instead of 16.*25/);
    expect(sentence({ kind: 'kept' })).toMatch(/Kept .* 20.*25/);
    expect(sentence({ kind: 'better' })).toMatch(/mode is trial/);
    expect(sentence({ kind: 'rolledBack', measuredGain: -0.5 })).toMatch(/Rolled .* back: 50/);
    expect(sentence({ kind: 'jumped' })).toMatch(/other sizes/);
    expect(sentence({ kind: 'fitted' })).toMatch(/budget/);
    expect(sentence({ kind: 'frozen' })).toMatch(/until demand changes/);
    for (const cause of ['clock', 'late', 'counts', 'number'] as const)
      expect(sentence({ kind: 'fellBack', cause })).toMatch(/fixed limits: \w+/);
  });

  test('each kind of event of a purge delay has a sentence', () => {
    const sentence = (event: Partial<LearningEvent>) =>
      learningSentence({
        at: Date.now(),
        controller: 'purge',
        kind: 'moved',
        band: 'slabs',
        from: 1000,
        to: 512,
        predictedGain: 0.25,
        measuredGain: 0,
        ...event,
      });
    expect(sentence({})).toMatch(/Keeps idle memory for 512 ms instead of 1\D.* 25/);
    expect(sentence({ band: 'huge' })).toMatch(/free blocks beyond 2 MiB for 512 ms/);
    expect(sentence({ kind: 'jumped' })).toMatch(/at once, since idle times are others/);
    expect(sentence({ kind: 'frozen' })).toMatch(/until idle times change/);
    for (const cause of ['clock', 'late', 'counts', 'number'] as const)
      expect(sentence({ kind: 'fellBack', cause })).toMatch(/fixed purge delays: \w+/);
  });

  test('its statistics are in those of the process, too', () => {
    expect(stats().pools[0]).toMatchObject({
      learnTrials: 0,
      learnRolledBack: 0,
      learnFallbacks: 0,
      learnSavedCalls: 0,
    });
  });
});
