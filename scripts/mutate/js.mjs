// `npm run mutate -- js [FILE or FOLDER under lib ...] [--all] [--part=N] [--concurrency=N]`: Stryker changes lib/pool, lib/pools,
// lib/guard and lib/stats in one place at a time and runs the tests that come by there (vitest.config.ts). A mutant that no test
// sees is printed.
//
// What was found before is kept in build/mutation/ and not run again while neither the code nor its tests have
// changed; --all runs everything again. With --part=N one mutant in N takes part, chosen by its text (js-sample.mjs).
// See docs/MUTATION.md.
import { mkdirSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { withBuildLock } from '../support/build-lock.mjs';
import { buildNative } from '../support/build-native.mjs';
import { buildLib } from '../support/build-typescript.mjs';
import { at, root, ScriptError, say } from '../support/paths.mjs';
import { mutantText } from './js-mutant-text.mjs';

const FOLDERS = ['lib/pool', 'lib/pools', 'lib/guard', 'lib/stats'];
const RESULTS = 'build/mutation/js-results.json';
const SAMPLE_RESULTS = 'build/mutation/js-sample-results.json';

/** What one mutant says in a list: where it is, and the code before and after. */
function line(file, source, { location, replacement }) {
  const { before, after } = mutantText(source, location, replacement);
  const { line, column } = location.start;
  return `${file}:${line}:${column}  ${before.slice(0, 80)}  →  ${after.slice(0, 80)}`;
}

function report(wanted, results) {
  const { files } = JSON.parse(readFileSync(at(results), 'utf8'));
  const count = {};
  for (const [file, { source, mutants }] of Object.entries(files)) {
    if (!wanted.some((path) => file === path || file.startsWith(`${path}/`))) continue;
    for (const mutant of mutants) {
      count[mutant.status] = (count[mutant.status] ?? 0) + 1;
      if (mutant.status === 'Survived' || mutant.status === 'NoCoverage')
        console.log(
          `${mutant.status === 'Survived' ? 'survived ' : 'unreached'}  ${line(file, source, mutant)}`,
        );
    }
  }
  const killed = (count.Killed ?? 0) + (count.Timeout ?? 0);
  const survived = count.Survived ?? 0;
  console.log(
    `${killed} killed, ${survived} survived, ${count.NoCoverage ?? 0} in code that none of these tests reach; ` +
      `${((100 * killed) / Math.max(killed + survived, 1)).toFixed(1)} % of those reached were killed`,
  );
}

export async function mutate(args) {
  const options = args.filter((arg) => arg.startsWith('--'));
  const named = args.filter((arg) => !arg.startsWith('--')).map((path) => relative(root, path));
  const unknown = options.find((option) => !/^--(all|(concurrency|part)=[1-9]\d*)$/.test(option));
  if (unknown !== undefined)
    throw new ScriptError(`mutate: js takes --all, --part=N and --concurrency=N, not ${unknown}`);
  const option = (name) => options.find((each) => each.startsWith(name))?.slice(name.length);
  const part = option('--part=');
  const wanted = named.length > 0 ? named : FOLDERS;
  await withBuildLock(async () => {
    await buildNative('superslab');
    await buildNative('careless');
    await buildLib();
  });
  mkdirSync(at('build/mutation'), { recursive: true });
  process.chdir(root);
  say(`mutating ${wanted.join(', ')}`);
  const { Stryker } = await import('@stryker-mutator/core');
  // For the checkers, which are processes of their own.
  if (part !== undefined) process.env.MUTANTS_PART = part;
  await new Stryker({
    mutate: wanted.map((path) => (path.endsWith('.ts') ? path : `${path}/**/*.ts`)),
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner', at('scripts/mutate/js-sample.mjs')],
    checkers: part === undefined ? [] : ['sample'],
    vitest: { configFile: 'scripts/mutate/vitest.config.ts', related: false },
    // The tests load dist/, as Node.js does.
    buildCommand: 'node scripts/build.mjs lib --force',
    ignorePatterns: [
      '/build/**/obj.target',
      '/build/mutation',
      '/build-*',
      '/docs/images',
      '/prebuilds',
      '/coverage',
    ],
    tempDirName: 'build/mutation/sandbox',
    coverageAnalysis: 'perTest',
    // What is made while a module is loaded is the same in every test: the whole suite would run for each.
    ignoreStatic: true,
    incremental: part === undefined,
    incrementalFile: RESULTS,
    force: options.includes('--all'),
    concurrency: Number(option('--concurrency=') ?? 2),
    timeoutMS: 10_000,
    dryRunTimeoutMinutes: 30,
    symlinkNodeModules: false, // The sandbox lies under those of the project.
    reporters: part === undefined ? ['progress-append-only'] : ['progress-append-only', 'json'],
    jsonReporter: { fileName: SAMPLE_RESULTS },
    allowConsoleColors: false,
  }).runMutationTest();
  report(wanted, part === undefined ? RESULTS : SAMPLE_RESULTS);
}
