// What is written down of the lists in native/: it is up to date, and one new row reaches every place.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { outputs } from '../scripts/generate/outputs.mjs';
import { builtTables, staleFiles } from '../scripts/support/generated-files.mjs';
import { packageRoot } from './support/child.js';

const tables: any = builtTables();
const read = (file: string) => readFileSync(path.join(packageRoot, file), 'utf8');
const rendered = (changes: object): Record<string, string> => outputs({ ...tables, ...changes }, read);

test('every generated file is what the addon was compiled from', () => {
  expect(staleFiles().map(([file]) => file)).toEqual([]);
});

test('native code knows the version of the package', () => {
  const [, version] = /kVersion = "([^"]+)"/.exec(read('native/policy/version.h')) ?? [];
  expect(version).toBe(JSON.parse(read('package.json')).version);
});

test('a file that was changed by hand is named, and one that is missing', () => {
  const edited = (file: string) => (file.endsWith('codes.ts') ? `${read(file)}//` : read(file));
  expect(staleFiles(tables, edited).map(([file]) => file)).toEqual(['lib/addon/generated/codes.ts']);
  const missing = (file: string) => (file.endsWith('map-format.ts') ? undefined : read(file));
  expect(staleFiles(tables, missing).map(([file]) => file)).toEqual(['page/inspector/map-format.ts']);
});

describe('a new knob is one row', () => {
  const row = {
    option: 'newKnob',
    variable: 'SUPERSLAB_NEW_KNOB',
    type: 'choice',
    unit: '',
    words: ['off', 'on-demand'],
    min: '',
    max: '',
    default: 'off',
    meaning: 'What the new knob does.',
  };
  const profiles = [{ profile: 'low-memory', variable: 'SUPERSLAB_NEW_KNOB', value: 'on-demand' }];
  const files = rendered({
    knobs: [...tables.knobs, row],
    profiles: [...tables.profiles, ...profiles],
  });

  test('of the options, with type, meaning and default', () => {
    expect(files['lib/addon/generated/options.ts']).toContain(`  /**
   * What the new knob does.
   * SUPERSLAB_NEW_KNOB sets it for all pools.
   * @default 'off'; 'on-demand' in the profile 'low-memory'
   */
  newKnob?: 'off' | 'on-demand';
`);
  });

  test('of the codes', () => {
    expect(files['lib/addon/generated/choices.ts']).toContain(`export const NEW_KNOB = {
  off: 0,
  'on-demand': 1,
} as const;`);
  });

  test('of both tables in docs/KNOBS.md', () => {
    const page = files['docs/KNOBS.md'];
    expect(page).toContain(
      '| `SUPERSLAB_NEW_KNOB` | `newKnob` | `off` | `off`, `on-demand` | What the new knob does. |',
    );
    expect(page).toContain('| `SUPERSLAB_NEW_KNOB` | `off` | `off` | `on-demand` |');
  });
});

test.each([
  [{ type: 'bytes', min: '0', max: '128t', default: '64m' }, 'x?: number | string;', "@default '64m'"],
  [{ type: 'count', min: '1', max: '9', unit: 'nodes', default: '3' }, 'x?: number;', '@default 3'],
  [{ type: 'milliseconds', min: '1', max: '9', default: '3' }, 'x?: number;', 'From 1 to 9. Unit: ms.'],
  [{ type: 'flag', default: '1' }, 'x?: boolean;', '@default true'],
  [
    { type: 'placement', words: ['local'], min: '0', max: '7', default: 'local' },
    "x?: 'local' | number;",
    "'local'",
  ],
])('an option of %o', (row, declaration, words) => {
  const knob = {
    option: 'x',
    variable: 'SUPERSLAB_X',
    unit: '',
    words: [],
    meaning: 'It does this.',
    ...row,
  };
  const text = rendered({ knobs: [...tables.knobs, knob] })['lib/addon/generated/options.ts']!;
  const added = text.slice(text.lastIndexOf('  /**'));
  expect(added).toContain(declaration);
  expect(added).toContain(words);
});

test('a new statistic is one row, whoever owns it', () => {
  const row = { owner: 'class', name: 'newCount', unit: 'blocks', meaning: 'blocks that are new' };
  const text = rendered({ statistics: [...tables.statistics, row] })['lib/addon/generated/figures.ts'];
  expect(text).toContain('  /** Blocks that are new. Unit: blocks. */\n  readonly newCount: number;\n}\n');
  expect(() => rendered({ statistics: [{ ...row, owner: 'nobody' }] })).toThrow(/newCount: .*"nobody"/);
});

test('without its marks docs/KNOBS.md is not written', () => {
  expect(() => outputs(tables, () => 'no marks')).toThrow(/docs\/KNOBS\.md: the lines <!-- knobs:begin -->/);
});
