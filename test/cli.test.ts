// What all commands of `superslab` have in common.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Command } from '../lib/cli/command.js';
import { packageRoot } from './support/child.js';
import { json, refused, superslab } from './support/cli.js';

// What is tested is what is shipped, and the package does not export its command line.
const require = createRequire(import.meta.url);
const load = <T>(name: string) => require(`../dist/cjs/cli/${name}.js`) as T;
const { commands } = load<typeof import('../lib/cli/main.js')>('main');
const { checkArguments, splitArguments } = load<typeof import('../lib/cli/arguments.js')>('arguments');
const { figure, shorten, table, wrap } = load<typeof import('../lib/cli/output.js')>('output');

const names = Object.keys(commands);
const loaded: readonly Command[] = await Promise.all(Object.values(commands).map((each) => each()));
const variables = [
  ...readFileSync(`${packageRoot}/native/policy/knobs.def`, 'utf8').matchAll(/"(SUPERSLAB_\w+)"/g),
].map(([, name]) => name!);
expect(variables).toContain('SUPERSLAB_GUARD');

describe('arguments', () => {
  const grammar = {
    usage: 'look WHERE [--deep] [--port=n] [--watch[=s]]',
    options: { deep: 'nothing', port: 'value', watch: 'value or nothing' },
    operands: [1, 1],
  } as const;
  const given = (...args: string[]) => {
    const split = splitArguments(args);
    checkArguments(split, grammar);
    return split;
  };

  test('are options and operands in any order', () => {
    const args = given('--deep', '4711', '--port=9');
    expect(args.operands).toEqual(['4711']);
    expect([args.has('deep'), args.has('port'), args.has('watch')]).toEqual([true, true, false]);
    expect([args.value('deep'), args.value('port')]).toEqual([undefined, '9']);
  });

  test('are operands behind --, and a hyphen alone is one', () => {
    expect(given('--', '--deep').operands).toEqual(['--deep']);
    expect(given('-').operands).toEqual(['-']);
  });

  test('may say a thing twice: the last one counts', () => {
    expect(given('x', '--port=1', '--port=2').number('port', 0, 9, 0)).toBe(2);
  });

  test('keep what stands behind the first "=" of a value', () => {
    expect(given('x', '--port=a=b\nc').value('port')).toBe('a=b\nc');
  });

  test('are numbers within limits', () => {
    expect(given('x', '--watch').number('watch', 0.1, 60, 2)).toBe(2);
    expect(given('x', '--watch=0.1').number('watch', 0.1, 60, 2)).toBe(0.1);
    for (const wrong of ['0.09', '60.1', '-1', 'x', '1e1', '', '0x1', 'Infinity']) {
      expect(() => given('x', `--watch=${wrong}`).number('watch', 0.1, 60, 2), wrong).toThrow(
        `--watch is ${JSON.stringify(wrong)}: give a number from 0.1 to 60`,
      );
    }
    expect(given('x', '--port=80').wholeNumber('port', 0, 99, 1)).toBe(80);
    expect(given('x').wholeNumber('port', 0, 99, 1)).toBe(1);
    for (const wrong of ['80.5', '100', '1.0']) {
      expect(() => given('x', `--port=${wrong}`).wholeNumber('port', 0, 99, 1), wrong).toThrow(
        `--port is "${wrong}": give a whole number from 0 to 99`,
      );
    }
  });

  test.each([
    [['x', '--dep'], 'there is no option --dep'],
    [['x', '-d'], 'there is no option -d'],
    [['x', '--toString'], 'there is no option --toString'],
    [['x', '--deep=1'], '--deep takes no value'],
    [['x', '--deep='], '--deep takes no value'],
    [['x', '--port'], '--port lacks its value'],
    [['x', '--port='], '--port= lacks its value'],
    [['x', 'y'], 'what is "y"?'],
    [[], 'something is missing'],
  ])('%j is refused', (args, why) => {
    expect(() => given(...args)).toThrow(`ERR_SUPERSLAB_USAGE: ${why}`);
    expect(() => given(...args)).toThrow('rite superslab look WHERE [--deep]');
  });

  test('of a program are left alone', () => {
    const args = splitArguments(['--knob=1', 'ls', '--json', '--', '-l'], true);
    expect(args.options.map(({ arg }) => arg)).toEqual(['--knob=1']);
    expect(args.operands).toEqual(['ls', '--json', '--', '-l']);
    expect(splitArguments(['--', '-x', '--'], true).operands).toEqual(['-x', '--']);
  });
});

describe('output', () => {
  test('stands in columns', () => {
    const rows = [['size', 'ns', ''], ['4 KiB', '1,234', 'x'], ['a']];
    expect(table(rows)).toEqual(['size      ns', '4 KiB  1,234  x', 'a']);
    expect(table([])).toEqual([]);
  });

  test('breaks lines at spaces', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('incomprehensible x', 7)).toEqual(['incomprehensible', 'x']);
  });

  test('has figures of three digits that count', () => {
    expect([0, 7, 1234567, 0.123, 12.34, 123.4].map(figure)).toEqual([
      '0',
      '7',
      '1,234,567',
      '0.12',
      '12.3',
      '123',
    ]);
  });
});

test('a name keeps to its width', () => {
  expect(shorten('12345', 5) + shorten('123456', 5)).toBe('123451234…');
});

describe('help', () => {
  const helps: [string, string[]][] = [
    ['superslab', ['--help']],
    ...names.map((name): [string, string[]] => [name, [name, '--help']]),
  ];

  test.each(helps)('of %s fits a screen', async (_, args) => {
    const { code, stdout, stderr } = await superslab(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(24);
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  test('has more than one way to ask', async () => {
    const { stdout } = await superslab(['doctor', '--help']);
    for (const args of [
      ['doctor', '-h'],
      ['help', 'doctor'],
      ['doctor', '--json', '--help'],
    ]) {
      expect((await superslab(args)).stdout, args.join(' ')).toBe(stdout);
    }
    expect((await superslab(['help'])).stdout).toBe((await superslab(['--help'])).stdout);
  });

  test('names every command, every option and every exit code', async () => {
    const { stdout: overview } = await superslab(['--help']);
    for (const [i, command] of loaded.entries()) {
      expect(command.usage.split(' ')[0]).toBe(names[i]);
      expect(overview.split('\n').map((line) => line.split(/ {2,}/))).toContainEqual(
        expect.arrayContaining([command.summary]),
      );
      expect(overview).toContain(`  superslab ${names[i]} `);
      const { stdout } = await superslab([names[i]!, '--help']);
      expect(stdout.startsWith(`Usage: superslab ${command.usage}\n`)).toBe(true);
      for (const option of Object.keys(command.options)) expect(command.usage).toContain(`--${option}`);
      const exits = stdout.slice(stdout.indexOf('Exit codes: ')).replaceAll(/\s+/g, ' ');
      expect(exits).toMatch(/\b64 wrong arguments/);
      for (const [code, meaning] of Object.entries(command.exits)) {
        expect(exits).toContain(`${code} ${meaning}`);
      }
    }
  });
});

describe('the manual, docs/COMMAND-LINE.md,', () => {
  const manual = readFileSync(path.join(packageRoot, 'docs/COMMAND-LINE.md'), 'utf8');
  const section = (name: string) =>
    manual.split(/^## /m).find((part) => part.startsWith(`\`superslab ${name}`)) ?? '';

  test.each(names)('describes %s and its options', (name) => {
    const { usage, options } = loaded[names.indexOf(name)]!;
    expect(section(name).split('\n')[0]).toBe(`\`superslab ${usage}\``);
    for (const option of Object.keys(options)) expect(section(name)).toContain(`| \`--${option}`);
  });

  test('has every exit code of every command in its table', () => {
    const rows = new Map(
      [...manual.matchAll(/^\| (\d+) \| ([^|]*) \| ([^|]*) \|$/gm)].map(([, code, , who]) => [code, who!]),
    );
    const found = new Map<string, string[]>();
    for (const [i, { exits }] of loaded.entries()) {
      for (const code of Object.keys(exits)) found.set(code, [...(found.get(code) ?? []), names[i]!]);
    }
    for (const [code, who] of found) {
      const row = rows.get(code) ?? '';
      if (row.trim() === 'all') continue;
      expect([...row.matchAll(/`(\w+)`/g)].map(([, name]) => name).sort(), `code ${code}`).toEqual(
        who.sort(),
      );
    }
    const errors = readFileSync(path.join(packageRoot, 'lib/cli/cli-error.ts'), 'utf8');
    const codes = errors.match(/ERR_SUPERSLAB_\w+/g)!;
    for (const code of codes) expect(manual).toContain(`\`${code}\``);
  });
});

describe('the command line', () => {
  test('names its commands when there is none or a wrong one', async () => {
    const none = await superslab([]);
    expect(none).toMatchObject({ code: 64, stdout: '' });
    expect(none.stderr).toMatch(/^superslab: ERR_SUPERSLAB_USAGE: no command\nUsage:\n {2}superslab run /);
    for (const wrong of [['rum', 'ls'], ['help', 'rum'], ['toString']]) {
      expect(await refused(wrong, 64, 'ERR_SUPERSLAB_USAGE')).toContain('; there is: run, doctor, ');
    }
  });

  test('tells its version', async () => {
    const { version } = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8'));
    expect(await superslab(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  test('writes errors as JSON where --json is given', async () => {
    for (const [args, exitCode, code] of [
      [['doctor', '--json', 'x'], 64, 'ERR_SUPERSLAB_USAGE'],
      [['bench', '--jsn', '--json'], 64, 'ERR_SUPERSLAB_USAGE'],
      [['rum', '--json'], 64, 'ERR_SUPERSLAB_USAGE'],
      [['run', '--json', 'superslab-no-such-program'], 127, 'ERR_SUPERSLAB_NOT_FOUND'],
      [['run', '--json', '--xyzzy=1', 'true'], 64, 'ERR_SUPERSLAB_ENV'],
    ] as const) {
      const result = await superslab(args);
      expect(result).toMatchObject({ code: exitCode, stdout: '' });
      const { error } = JSON.parse(result.stderr);
      expect(error).toEqual({ code, exitCode, message: expect.stringMatching(`^${code}: .`) });
    }
    // That of the program is none of ours.
    await refused(['run', 'superslab-no-such-program', '--json'], 127, 'ERR_SUPERSLAB_NOT_FOUND');
  });

  test('ends quietly when nobody reads on', async () => {
    const child = spawn(process.execPath, [path.join(packageRoot, 'bin/superslab.js'), 'knobs', '--json']);
    let stderr = '';
    child.stderr.on('data', (part) => {
      stderr += part;
    });
    child.stdout.destroy();
    const end = await new Promise((resolve) => {
      child.on('close', (code, signal) => resolve({ code, signal }));
    });
    expect({ end, stderr }).toEqual({ end: { code: 0, signal: null }, stderr: '' });
  });
});

describe('superslab knobs', () => {
  test('lists every knob, as option and as variable, with its meaning', async () => {
    const { stdout } = await superslab(['knobs']);
    for (const variable of variables) {
      const flag = `--${variable.slice('SUPERSLAB_'.length).toLowerCase().replaceAll('_', '-')}`;
      expect(stdout).toMatch(new RegExp(`^${flag}  \\S.*\\n {4}${variable}\\b.*\\n {4}[A-Z]`, 'm'));
    }
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(stdout).toContain('--max-bytes  0 bytes\n    SUPERSLAB_MAX_BYTES, pool option maxBytes\n');
  });

  test('tells what the environment makes of them', async () => {
    const env = { SUPERSLAB_PROFILE: 'low-memory' };
    expect((await superslab(['knobs'], { env })).stdout).toMatch(
      /^--purge-delay-ms {2}1000 ms, here 100( ms)?$/m,
    );
    const { knobs } = await json(['knobs'], { env });
    expect(knobs.map((knob: any) => knob.variable)).toEqual(variables);
    const changed = knobs.filter((knob: any) => knob.value !== knob.default);
    expect(changed.map((knob: any) => knob.flag)).toContain('--cache-bytes');
  });

  test('refuses a variable that is wrong', async () => {
    const env = { SUPERSLAB_PROFIL: 'low-memory' };
    expect(await refused(['knobs'], 64, 'ERR_SUPERSLAB_ENV', { env })).toContain('SUPERSLAB_PROFILE');
  });
});

describe('superslab bench', () => {
  test('refuses what it does not know, before it measures', async () => {
    expect(await refused(['bench', 'buffer'], 64, 'ERR_SUPERSLAB_USAGE')).toContain(
      'there is: buffers, guards',
    );
    const env = { SUPERSLAB_ZERO: 'sometimes' };
    await refused(['bench', 'buffers'], 64, 'ERR_SUPERSLAB_ENV', { env });
  });

  test('measures every kind of memory in each case', async () => {
    const { machine, quick, benches } = await json(['bench', '--quick']);
    expect(machine).toMatchObject({
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
    });
    expect(quick).toBe(true);
    expect(benches.map((bench: any) => bench.name)).toEqual(['buffers', 'guards']);
    for (const { unit, cases } of benches) {
      expect(unit).toBe('ns');
      expect(cases.length).toBeGreaterThan(2);
      for (const { results } of cases) {
        const [base] = results;
        for (const { ns, spread, ratio } of results) {
          expect(ns).toBeGreaterThan(0);
          expect(spread).toBeGreaterThanOrEqual(0);
          expect(ratio).toBeCloseTo(ns / base.ns);
        }
      }
    }
    expect(benches[0].cases[0].results.map((one: any) => one.name)).toEqual([
      'superslab',
      'Buffer.allocUnsafe',
      'Buffer.alloc',
    ]);
  }, 60_000);

  test('has a row for each way of finding misuse', async () => {
    const { code, stdout } = await superslab(['bench', 'guards', '--quick']);
    expect(code).toBe(0);
    const modes = ['leakDetection sampled', 'leakDetection full', 'guard poison', 'guard canary'];
    for (const mode of [...modes, 'guard detach', 'full and detach']) {
      expect(stdout).toMatch(new RegExp(`^${mode}( {2,}[\\d.,]+ {2,}[\\d.]+x){3}$`, 'm'));
    }
    expect(stdout).toMatch(/^off( {2,}[\d.,]+ {2,}± \d+ %){3}$/m);
  }, 60_000);

  test('prints a table with ratios', async () => {
    const { code, stdout, stderr } = await superslab(['bench', 'buffers', '--quick']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ns {2,}superslab {2,}± {2}Buffer\.allocUnsafe {2,}Buffer\.alloc$/m);
    expect(stdout).toMatch(/^64 KiB {2,}[\d.,]+ {2,}\d+ %( {2,}[\d.,]+ {2,}[\d.]+x){2}$/m);
  }, 60_000);
});

describe('what a benchmark is made of:', () => {
  const { isNoisy, quantile } = load<typeof import('../lib/cli/bench/rounds.js')>('bench/rounds');
  const { inTurns } = load<typeof import('../lib/cli/bench/turns.js')>('bench/turns');
  const { loopOf } = load<typeof import('../lib/cli/bench/work.js')>('bench/work');

  test('quartiles lie between the values', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([5, 1, 3], 0.5)).toBe(3);
    expect(quantile([0, 10], 0.25)).toBe(2.5);
    expect(quantile([7], 0.75)).toBe(7);
  });

  test('rounds that lie far apart are told', () => {
    const measured = (...spreads: number[]) => spreads.map((spread) => ({ name: '', ns: 1, spread }));
    expect(isNoisy(measured(0.25, 0))).toBe(false);
    expect(isNoisy(measured(0, 0.26))).toBe(true);
  });

  test('turns: each round begins with another, and the first does not count', async () => {
    const order: string[] = [];
    const lane = (name: string, base: number) => ({
      call: async ({ ms }: { ms: number }) => {
        order.push(name);
        return base + ms + order.length;
      },
    });
    const samples = await inTurns([lane('a', 100), lane('b', 200)], 2, { ms: 10 });
    expect(order.join('')).toBe('abbaab');
    expect(samples).toEqual([
      [114, 115],
      [213, 216],
    ]);
  });

  test.each([1, 8])('work with %i held gives back what it replaces, and keeps to its sizes', (slots) => {
    const live = new Set<Uint8Array>();
    const sizes: number[] = [];
    let touched = 0;
    const memory = {
      acquire: (size: number) => {
        sizes.push(size);
        const buf = Buffer.alloc(size, 0xff);
        live.add(buf);
        return buf;
      },
      release: (buf: Uint8Array) => {
        expect(live.delete(buf)).toBe(true);
        touched += Number(buf.length === buf.filter((byte, at) => byte !== 0xff || at % 4096 !== 0).length);
      },
    };
    const [min, max] = slots === 1 ? [9000, 9000] : [100, 9000];
    loopOf(memory, { min, max, slots, touch: 'a byte in each page' })(200);
    expect(live.size).toBe(slots === 1 ? 0 : slots);
    expect(touched).toBe(200 - live.size);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(min);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(max);
    expect(new Set(sizes).size).toBeGreaterThan(slots === 1 ? 0 : 100);
  });
});
