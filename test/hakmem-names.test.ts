// The table of docs/KNOBS.md that leads from HAKMEM's variables to ours.
import { readFileSync } from 'node:fs';
import { stats } from 'superslab';
import { expect, test } from 'vitest';

const names = [
  'HAKMEM_LEARN',
  'HAKMEM_LEARN_WINDOW_MS',
  'HAKMEM_TARGET_HIT_MID',
  'HAKMEM_TARGET_HIT_LARGE',
  'HAKMEM_CAP_STEP_MID',
  'HAKMEM_CAP_STEP_LARGE',
  'HAKMEM_BUDGET_MID',
  'HAKMEM_BUDGET_LARGE',
  'HAKMEM_WMAX_LEARN',
  'HAKMEM_WMAX_CANDIDATES_MID',
  'HAKMEM_WMAX_CANDIDATES_LARGE',
  'HAKMEM_DYN1_AUTO',
  'HAKMEM_MID_DYN1',
  'HAKMEM_PROFILE',
  'HAKMEM_TINY_SS_PARTIAL',
  'HAKMEM_BENCH_MIN_SIZE',
  'HAKMEM_BENCH_MAX_SIZE',
  'HAKMEM_TINY_C7_HEADER_DEDUP_ENABLED',
];

const rows = readFileSync(new URL('../docs/KNOBS.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `HAKMEM_'));

test('each of its names has one row', () => {
  expect(rows.map((row) => /`(HAKMEM_\w+)`/.exec(row)?.[1])).toEqual(names);
});

test('each row leads to a variable that there is, or says that there is none', () => {
  const variables = new Set(stats().knobs.map(({ variable }) => variable));
  for (const row of rows) {
    const ours = [...row.matchAll(/SUPERSLAB_\w+/g)].map(([name]) => name);
    if (ours.length === 0) expect(row).toContain('no counterpart');
    for (const name of ours) expect(variables, row).toContain(name);
  }
});
