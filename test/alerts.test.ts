// docs/ALERTS.md: each rule is PromQL, on metrics that there are, of a type that fits.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Registry } from 'prom-client';
import superslab from 'superslab';
import { collectSuperslab } from 'superslab/prometheus';
import { describe, expect, test } from 'vitest';
import { packageRoot } from './support/child.js';
import { type Family, parseExposition } from './support/exposition.js';
import { fileOfItsOwn } from './support/file-of-its-own.js';
import { selectorsOf } from './support/promql.js';

const document = readFileSync(path.join(packageRoot, 'docs/ALERTS.md'), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly text: string;
}

/** The rules of the file, which is plain enough to be read without a YAML parser. */
const rules: Rule[] = /```yaml\n([\s\S]*?)```/
  .exec(document)![1]!
  .split(/^ {6}- alert: /m)
  .slice(1)
  .map((text) => {
    const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
    const at = lines.findIndex((line) => line.startsWith('        expr: '));
    const first = lines[at]!.slice('        expr: '.length);
    const end = lines.findIndex((line, i) => i > at && !line.startsWith('          '));
    const expr = first === '>-' ? lines.slice(at + 1, end).join(' ') : first;
    return { alert: lines[0]!.trim(), expr: expr.trim(), text };
  });

async function exported(): Promise<Map<string, Family>> {
  const register = new Registry();
  const end = collectSuperslab({ register, histograms: false, memoryFacts: true });
  superslab.acquire(100).release();
  using _file = fileOfItsOwn();
  const families = parseExposition(await register.metrics());
  end[Symbol.dispose]();
  return families;
}

/** The family that a series belongs to. */
const familyOf = (families: Map<string, Family>, series: string) =>
  families.get(series) ?? families.get(series.replace(/_(bucket|sum|count)$/, ''));

test('the rules that are promised are there, and each tells what to do', () => {
  expect(rules.length).toBe(document.match(/^ *- alert:/gm)!.length);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  const expressions = rules.map(({ expr }) => expr);
  expect(expressions.some((expr) => /failed_requests_total.*> 0\.001$/.test(expr))).toBe(true);
  expect(expressions.some((expr) => /superslab_max_bytes.*> 0\.85$/.test(expr))).toBe(true);
  expect(expressions.some((expr) => /rate\(superslab_page_faults_total/.test(expr))).toBe(true);
  expect(expressions.some((expr) => /superslab_leaked_blocks_total\[15m\]\).* > 0$/.test(expr))).toBe(true);
  const advised = document.slice(document.indexOf('| alert |'));
  for (const { alert } of rules) expect(advised).toContain(alert.replace(/^Superslab/, ''));
});

describe.each(rules)('$alert', ({ expr, text }) => {
  test('is PromQL on metrics that there are', async () => {
    const families = await exported();
    const selectors = selectorsOf(expr);
    expect(selectors.length).toBeGreaterThan(0);
    for (const { metric, function: fn } of selectors) {
      const family = familyOf(families, metric);
      expect(family, metric).toBeDefined();
      // What is counted is read by its growth, what goes up and down as it is.
      const growth = fn === 'rate' || fn === 'increase';
      expect(growth, `${fn ?? 'the value'} of ${family!.type} ${metric}`).toBe(family!.type !== 'gauge');
    }
  });

  test('has a severity, and names the pool where there is one', async () => {
    expect(text).toMatch(/^ {8}labels: \{ severity: (info|warning|critical) \}$/m);
    const [first] = selectorsOf(expr);
    const family = familyOf(await exported(), first!.metric)!;
    expect(text.includes('$labels.pool')).toBe('pool' in family.samples[0]!.labels);
  });
});

test('every other metric that the text names is there too', async () => {
  const families = await exported();
  const named = new Set(document.match(/\bsuperslab_\w+/g));
  expect(named.size).toBeGreaterThan(15);
  for (const name of named) expect(familyOf(families, name), name).toBeDefined();
  const query = /```\n(histogram_quantile.*)\n```/.exec(document)![1]!;
  expect(selectorsOf(query)).toMatchObject([{ metric: 'superslab_lifetimes_seconds_bucket', range: '5m' }]);
});

test.each([
  'superslab_waiting >',
  'rate(superslab_acquires_total) > 1',
  'superslab_waiting[5m] > 1',
  'rate(superslab_acquires_total[5]) > 1',
  'rates(superslab_acquires_total[5m]) > 1',
  'superslab_waiting > 1)',
  '(superslab_waiting > 1',
  'superslab_waiting 1',
  'superslab_waiting{pool=default}',
  'superslab_waiting && superslab_waiting',
])('the reader of PromQL refuses %s', (text) => {
  expect(() => selectorsOf(text)).toThrow();
});
