// `npm run mutate -- js [FILE or FOLDER under lib ...] [--all] [--concurrency=N]`: Stryker changes lib/pool, lib/guard
// and lib/stats in one place at a time and runs the tests that come by there (vitest.config.ts). A mutant that no test
// sees is printed.
//
// What was found before is kept in build/mutation/ and not run again while neither the code nor its tests have
// changed; --all runs everything again. See docs/MUTATION.md.
import { mkdirSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { withBuildLock } from '../support/build-lock.mjs';
import { buildNative } from '../support/build-native.mjs';
import { buildLib } from '../support/build-typescript.mjs';
import { at, root, ScriptError, say } from '../support/paths.mjs';

const FOLDERS = ['lib/pool', 'lib/guard', 'lib/stats'];
const RESULTS = 'build/mutation/js-results.json';

/** What one mutant says in a list: where it is, and the code before and after. */
function line(file, source, { location: { start, end }, replacement }) {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  const short = (code) => code.replace(/\s+/g, ' ').slice(0, 80);
  return `${file}:${start.line}:${start.column}  ${short(lines.join('\n'))}  →  ${short(replacement)}`;
}

function report(wanted) {
  const { files } = JSON.parse(readFileSync(at(RESULTS), 'utf8'));
  const count = {};
  for (const [file, { source, mutants }] of Object.entries(files)) {
    if (!wanted.some((path) => file.startsWith(path))) continue;
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
  const unknown = options.find((option) => !/^--(all|concurrency=\d+)$/.test(option));
  if (unknown !== undefined)
    throw new ScriptError(`mutate: js takes --all and --concurrency=N, not ${unknown}`);
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
  const concurrency = options.find((option) => option.startsWith('--concurrency='));
  await new Stryker({
    mutate: wanted.map((path) => (path.endsWith('.ts') ? path : `${path}/**/*.ts`)),
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
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
    incremental: true,
    incrementalFile: RESULTS,
    force: options.includes('--all'),
    concurrency: concurrency === undefined ? 2 : Number(concurrency.split('=')[1]),
    timeoutMS: 10_000,
    dryRunTimeoutMinutes: 30,
    symlinkNodeModules: false, // The sandbox lies under those of the project.
    reporters: ['progress-append-only'],
    allowConsoleColors: false,
  }).runMutationTest();
  report(wanted);
}
