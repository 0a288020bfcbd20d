// `npm run mutate -- native [options]`: faults in native/base, space, learn, heap, pools and malloc, found by the native tests or not.
//
// --count=N     how many of all the mutants that can be made: 450. Which ones follows from their text, so that the
//               choice stays the same while the source around them changes
// --seed=N      another choice
// --in=TEXT     all those in files whose path begins so; `native/heap/purger.cc:200` for one line
// --orders      memory orders made relaxed, under ThreadSanitizer, which alone can tell, and met by the tests of orders and of
//               base alone: to compile all with it takes long
// --left        only those that lived the last time; the others count as seen
// --jobs=N      so many programs at a time: 2
// --minutes=N   for so long it meets mutants, in an order that is by chance: 30
//
// A copy of the source is compiled once with all mutants in it (mutant.h). Each test runs once to learn which mutants it
// reaches; then each mutant is switched on and met by the tests that reach it, the quick ones first. Failed, crashed and
// hung is seen. native-survivors.mjs says of mutants that live on why, and which of them are no faults.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, relative } from 'node:path';
import { at, ScriptError, say } from '../support/paths.mjs';
import { run } from '../support/run.mjs';
import { digest } from '../support/stamp.mjs';
import { mutantsOf, plant } from './native-mutants.mjs';
import { survivors } from './native-survivors.mjs';

const { filesUnder, sources } = createRequire(import.meta.url)('../sources.cjs');

const layers = [
  'native/base',
  'native/space',
  'native/learn',
  'native/heap',
  'native/pools',
  'native/malloc',
];
const folder = 'build/mutants';

const mutated = [...sources('core'), ...sources('malloc')];
/** As mutant.cc has room for. */
const MAX_MUTANTS = 1 << 16;
/** So many times as long as without a fault, and this many milliseconds more: then it hangs. */
const PATIENCE = 5;
const PATIENCE_MS = 10_000;
const QUICK_MS = 3000;

/** Faults that lived once, before their tests were written: they are among the chosen, whatever the seed. */
const once = [
  ['native/base/biased_lock.h', 'leave();'],
  ['native/heap/unused_slabs.cc', 'is_settled_ = false;'],
  ['native/heap/unused_slabs.cc', 'settled_changes_ = changes;'],
  [
    'native/heap/unused_slabs.cc',
    'const std::uintptr_t low = align_up(address_of(block_address(slab, from)), page);',
  ],
  [
    'native/heap/unused_slabs.cc',
    'const std::uintptr_t high = align_down(address_of(block_address(slab, to)), page);',
  ],
  ['native/heap/slab_bits.h', 'for (std::uint32_t w = 0; w < slab.words; ++w) {'],
  ['native/malloc/allocate.cc', 'return kSizeClasses[c].block_bytes;'],
  ['native/malloc/allocate.cc', 'return head.huge_bytes - (address_of(block) - address_of(head.base));'],
  ['native/space/take.cc', 'set_spare(head, count);'],
];
const livedOnce = ({ file, code, change }) =>
  once.some((fault) => fault[0] === file && fault[1] === code) &&
  /left out|std::|align|up to|one more/.test(change);

// Choosing -----------------------------------------------------------------------------------------

const overlaps = (a, b) => a.line === b.line && a.from < b.to && b.from < a.to;

/** At most `count` mutants that can live beside each other, each with a number. */
function choose({ count, seed, within, orders }) {
  const [prefix, line] = (within ?? '').split(':');
  const all = layers
    .flatMap((layer) => filesUnder(layer, ['.cc', '.h']))
    .filter((file) => file.startsWith(prefix))
    .flatMap((file) => mutantsOf(file, textOf(file)))
    .filter((mutant) => Boolean(mutant.isOrder) === orders)
    .filter((mutant) => line === undefined || mutant.line === Number(line));
  const ranked = all
    .map((mutant) => ({ ...mutant, rank: digest([], [seed, mutant.file, mutant.code, mutant.change]) }))
    .toSorted((a, b) => livedOnce(b) - livedOnce(a) || (a.rank < b.rank ? -1 : 1));
  const chosen = [];
  const ofFile = new Map();
  for (const mutant of ranked) {
    if (within === undefined && !orders && chosen.length === count) break;
    const neighbours = ofFile.get(mutant.file) ?? [];
    if (neighbours.some((other) => overlaps(mutant, other))) continue;
    ofFile.set(mutant.file, [...neighbours, mutant]);
    chosen.push(mutant);
  }
  // Of its own text alone, so that a change elsewhere does not make every file another.
  const numbers = new Set();
  for (const mutant of chosen) {
    let number = Number.parseInt(mutant.rank.slice(0, 8), 16) % MAX_MUTANTS;
    while (number === 0 || numbers.has(number)) number = (number + 1) % MAX_MUTANTS;
    numbers.add(number);
    mutant.number = number;
  }
  say(`mutate: ${chosen.length} of ${all.length} mutants`);
  const place = ({ file, line, from }) => [file, String(line).padStart(5), String(from).padStart(4)].join();
  return chosen.toSorted((a, b) => (place(a) < place(b) ? -1 : 1));
}

const texts = new Map();

/** As it was at first: the source may change while its mutants run. */
function textOf(file) {
  if (!texts.has(file)) texts.set(file, readFileSync(at(file), 'utf8'));
  return texts.get(file);
}

/** What one run leaves for the next. */
const notesFile = ({ copy }, name) => at(dirname(copy), `${name}.json`);

function readNotes(options, name) {
  const file = notesFile(options, name);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

function writeNotes(options, name, value) {
  mkdirSync(dirname(notesFile(options, name)), { recursive: true });
  writeFileSync(notesFile(options, name), JSON.stringify(value));
}

// Building -----------------------------------------------------------------------------------------

/** Written only when it differs, so that no more is compiled than has to be. */
function write(path, text) {
  if (existsSync(at(path)) && readFileSync(at(path), 'utf8') === text) return;
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
}

/** The tests that meet memory orders. */
const testsOrders = /^test\/native\/(?:base_.*|.*_memory_order_test|main)\.cc$/;

function copySource(mutants, { copy, orders }) {
  const files = [...filesUnder('native', ['']), ...filesUnder('test', ['.cc', '.h'])].filter((file) =>
    /\.\w+$/.test(file),
  );
  const others = [
    'CMakeLists.txt',
    'scripts/sources.cjs',
    'scripts/codecs.cjs',
    'scripts/mutate/mutant.h',
    'scripts/mutate/mutant.cc',
  ];
  for (const file of [...files, ...others]) {
    if (orders && /^test\/native\/.*\.cc$/.test(file) && !testsOrders.test(file)) continue;
    const text = textOf(file);
    const own = mutants.filter((mutant) => mutant.file === file);
    write(`${copy}/${file}`, own.length === 0 ? text : plant(text, own));
  }
  // The sources of codecs lie there (codecs.cjs).
  if (!existsSync(at(copy, 'node_modules'))) symlinkSync(at('node_modules'), at(copy, 'node_modules'));
  // As one more test, it is linked in.
  write(`${copy}/test/native/mutant.cc`, readFileSync(at('scripts/mutate/mutant.cc'), 'utf8'));
}

/** Runs a program to its end: { status, output }; status is null when it was killed. */
function capture(command, args, { env = {}, timeout, cwd = at() } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, detached: true });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        if (output.length < 1 << 24) output += text;
      });
    }
    let isLate = false;
    // What it forked as well.
    const end = () => {
      isLate = true;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has just ended.
      }
    };
    const timer = timeout === undefined ? undefined : setTimeout(end, timeout);
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, isLate, output });
    });
  });
}

/** Runs body(item) for all items, `jobs` at a time. */
async function inParallel(jobs, items, body) {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await body(item);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

/** Those that stand where the compiler found something wrong; of a line all, if none stands just there. */
function refusedBy(mutants, places) {
  const refused = new Set();
  for (const place of places) {
    const [file, line, column] = place.split(':');
    const near = mutants.filter((mutant) => mutant.file === file && mutant.line === Number(line));
    const there = near.filter(({ at: [from, to] }) => from <= Number(column) && Number(column) <= to);
    for (const mutant of there.length > 0 ? there : near) refused.add(mutant);
  }
  return refused;
}

/** The mutants without those that the compiler refuses: mostly where a constant expression is asked for. */
async function withoutRefused(mutants, options) {
  const { jobs, copy } = options;
  const [command, ...more] = (process.env.CXX ?? 'g++').split(' ');
  const flags = [
    '-std=c++20',
    '-fno-exceptions',
    '-fno-rtti',
    '-w',
    '-fmax-errors=0',
    '-fsyntax-only',
    '-Inative',
  ];
  const key = digest([], [command, ...mutated.map(textOf), ...mutants.map(({ rank }) => rank)]);
  const known = readNotes(options, 'refused');
  let kept = mutants;
  if (known?.key === key) kept = mutants.filter(({ number }) => !known.numbers.includes(number));
  for (let round = 1; ; ++round) {
    copySource(kept, options);
    if (known?.key === key) return kept;
    const places = new Set();
    let failed = 0;
    await inParallel(jobs, mutated, async (source) => {
      const args = [...more, ...flags, '-include', 'scripts/mutate/mutant.h', source];
      const { status, output } = await capture(command, args, { cwd: at(copy) });
      if (status === 0) return;
      ++failed;
      for (const [place] of output.matchAll(/native\/[\w/.]+:\d+:\d+/g)) places.add(place);
    });
    if (failed === 0) {
      const numbers = mutants.filter((mutant) => !kept.includes(mutant)).map(({ number }) => number);
      writeNotes(options, 'refused', { key, numbers });
      return kept;
    }
    const refused = refusedBy(kept, places);
    say(`mutate: the compiler refuses ${refused.size} mutants`);
    if (refused.size === 0 || round === 8) throw new ScriptError('mutate: the copy does not compile');
    kept = kept.filter((mutant) => !refused.has(mutant));
  }
}

async function build(mutants, options) {
  const { jobs, orders, copy } = options;
  copySource(mutants, options);
  const binary = copy.replace('source', 'build');
  await run('cmake', [
    ...['-S', copy, '-B', binary, '-DCMAKE_BUILD_TYPE=RelWithDebInfo', '-DSUPERSLAB_WERROR=OFF'],
    ...(orders ? ['-DSUPERSLAB_SANITIZE=thread'] : []),
    '-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1',
    `-DCMAKE_CXX_FLAGS=-w -include ${at(copy, 'scripts/mutate/mutant.h')}`,
  ]);
  await run('cmake', ['--build', binary, '--parallel', String(jobs), '--target', 'native_tests']);
  return at(binary, 'native_tests');
}

// Running ------------------------------------------------------------------------------------------

/** A mutant may make a program take all the memory there is: then it goes first. A limit would change what the heap does. */
const expendable = (program, args, options) =>
  capture(
    'bash',
    ['-c', 'ulimit -c 0; echo 1000 > /proc/self/oom_score_adj; exec "$0" "$@"', program, ...args],
    options,
  );

/** Every test once: { name, ms, reached }, the quick ones first. */
async function measure(program, mutants, options) {
  const key = digest([relative(at(), program)]);
  const known = readNotes(options, 'reached');
  const tests = known?.key === key ? known.tests : await runEach(program, options);
  writeNotes(options, 'reached', { key, tests });
  const reached = (numbers) => new Set(mutants.filter(({ number }) => numbers.has(number)));
  return tests
    .map((test) => ({ ...test, reached: reached(new Set(test.numbers)) }))
    .toSorted((a, b) => a.ms - b.ms);
}

/** { name, ms, numbers } of each test: of the mutants that it reaches. */
async function runEach(program, options) {
  const { output } = await capture(program, ['--list']);
  const names = output.split('\n').filter(Boolean);
  say(`mutate: which of them ${names.length} tests reach`);
  const tests = [];
  await inParallel(options.jobs, [...names.entries()], async ([index, name]) => {
    const path = notesFile(options, `reached-${index}`);
    writeFileSync(path, Buffer.alloc(MAX_MUTANTS));
    const start = performance.now();
    const { status, output: text } = await expendable(program, [name], {
      env: { SUPERSLAB_MUTANTS_REACHED: path },
    });
    if (status !== 0) {
      say(`mutate: left out, for it fails without a fault: ${text}`);
      return;
    }
    const bytes = readFileSync(path);
    rmSync(path);
    const numbers = [...bytes.entries()].filter(([, is]) => is !== 0).map(([number]) => number);
    tests.push({ name, ms: performance.now() - start, numbers });
  });
  return tests;
}

/** In their order, as many to a program as take no longer than QUICK_MS, so that one that hangs is not waited for long. */
function inGroups(tests) {
  const groups = [];
  let ms = QUICK_MS;
  for (const test of tests) {
    if (ms + test.ms > QUICK_MS) {
      groups.push([]);
      ms = 0;
    }
    groups.at(-1).push(test);
    ms += test.ms;
  }
  return groups;
}

/** How a mutant is seen, or undefined. */
async function meet(program, mutant, tests) {
  const able = tests.filter(({ reached }) => reached.has(mutant));
  for (const group of inGroups(able)) {
    const ms = group.reduce((sum, test) => sum + test.ms, 0);
    const { status, signal, isLate, output } = await expendable(
      program,
      ['--stop', ...group.map(({ name }) => name)],
      {
        env: { SUPERSLAB_MUTANT: String(mutant.number), TSAN_OPTIONS: 'halt_on_error=1' },
        timeout: PATIENCE_MS + PATIENCE * ms,
      },
    );
    if (isLate) return 'hangs';
    const failed = /^not ok ([^\n]*)$/m.exec(output)?.[1];
    if (status !== 0) return failed ?? `crashes: ${signal ?? `exit code ${status}`}`;
  }
  return undefined;
}

const isSame = (survivor, { file, code, change }) =>
  survivor.file === file && survivor.code === code && survivor.change === change;

export async function mutate(args) {
  const options = {
    count: 450,
    seed: '1',
    within: undefined,
    orders: false,
    left: false,
    jobs: 2,
    minutes: 30,
  };
  for (const arg of args) {
    const [, name, value] = /^--(count|seed|in|jobs|minutes|orders|left)(?:=(.+))?$/.exec(arg) ?? [];
    if ((name === 'orders' || name === 'left') && value === undefined) options[name] = true;
    else if (name === 'in' && value !== undefined) options.within = value;
    else if (name === 'seed' && value !== undefined) options.seed = value;
    else if (['count', 'jobs', 'minutes'].includes(name) && /^[1-9]\d*$/.test(value ?? ''))
      options[name] = Number(value);
    else
      throw new ScriptError(
        `mutate: native: ${arg}: there are --count=N, --seed=N, --in=TEXT, --orders, --left, --jobs=N, --minutes=N`,
      );
  }
  const { jobs } = options;
  options.copy = `${folder}/${options.orders ? 'thread' : 'plain'}/source`;
  const mutants = await withoutRefused(choose(options), options);
  const program = await build(mutants, options);
  const tests = await measure(program, mutants, options);
  const lived = options.left ? readNotes(options, 'left') : undefined;
  // By chance, so that a run that ends early has met some of everything.
  const met = mutants
    .filter(({ rank }) => lived === undefined || lived.includes(rank))
    .toSorted((a, b) => (a.rank < b.rank ? -1 : 1));
  let done = 0;
  const started = performance.now();
  for (const mutant of mutants) if (!met.includes(mutant)) mutant.seen = 'the last time';
  await inParallel(jobs, met, async (mutant) => {
    if (performance.now() - started > options.minutes * 60_000) return;
    mutant.isMet = true;
    mutant.isReached = tests.some(({ reached }) => reached.has(mutant));
    mutant.seen = await meet(program, mutant, tests);
    if (mutant.seen === undefined) say(`lives: ${mutant.file}:${mutant.line}: ${mutant.change}`);
    ++done;
    if (done % 20 === 0)
      say(`mutate: ${done} of ${met.length}, ${Math.round((performance.now() - started) / 1000)} s`);
  });
  const known = mutants.filter(({ isMet, seen }) => isMet || seen !== undefined);
  if (known.length < mutants.length) say(`mutate: there was time for ${known.length} of ${mutants.length}`);
  writeNotes(
    options,
    'left',
    mutants.filter(({ seen }) => seen === undefined).map(({ rank }) => rank),
  );
  report(known);
}

function report(mutants) {
  const left = mutants.filter(({ seen }) => seen === undefined);
  const known = (mutant) => survivors.find((survivor) => isSame(survivor, mutant));
  const equivalent = left.filter((mutant) => known(mutant)?.isEquivalent);
  const faults = mutants.length - equivalent.length;
  for (const mutant of left.filter((one) => !equivalent.includes(one))) {
    const { file, line, code, change, isReached } = mutant;
    const why = known(mutant)?.why ?? (isReached ? 'reached, not seen' : 'no test comes there');
    console.log(`${file}:${line}: ${code}\n    ${change}: ${why}`);
  }
  const seen = mutants.length - left.length;
  const part = ((100 * seen) / faults).toFixed(1);
  console.log(
    `${mutants.length} mutants, ${equivalent.length} of them equivalent; ${seen} of ${faults} seen: ${part} %`,
  );
  for (const layer of layers) {
    const own = mutants.filter(({ file }) => file.startsWith(`${layer}/`));
    const lost = own.filter((mutant) => left.includes(mutant) && !equivalent.includes(mutant)).length;
    console.log(`  ${layer}: ${own.length}, ${lost} not seen`);
  }
}
