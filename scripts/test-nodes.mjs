// `npm run test:nodes [-- --node=22,24,26] [vitest arguments]` runs every test under other versions of Node, one after
// the other. The exit code is 1 when a test failed under any of them.
//
// A version is anything npm understands (22, 22.23.3), or the path of a node binary: see support/node-binary.mjs.
import path from 'node:path';
import { buildForTests } from './support/build-for-tests.mjs';
import { ensureInstalled } from './support/install.mjs';
import { nodeBinary } from './support/node-binary.mjs';
import { at, main, ScriptError, say } from './support/paths.mjs';
import { become } from './support/run.mjs';

const SWITCH = '--node=';

/** Tests without Node.js in them, and those of these scripts. */
const excluded = ['native', 'shim', 'golden', 'stress', 'check-*'];

await main(async () => {
  const args = process.argv.slice(2);
  const chosen = args.findLast((arg) => arg.startsWith(SWITCH)) ?? `${SWITCH}22,24,26`;
  const versions = chosen.slice(SWITCH.length).split(',');
  if (versions.includes('')) throw new ScriptError(`test:nodes: ${chosen} has an empty version`);
  await ensureInstalled();
  await buildForTests();
  process.chdir(at());
  const passed = args.filter((arg) => !arg.startsWith(SWITCH));
  const vitest = [at('node_modules/vitest/vitest.mjs'), 'run'];
  const excludes = excluded.map((name) => `--exclude=test/${name}.test.ts`);
  const binaries = [];
  for (const version of versions) binaries.push(await nodeBinary(version));
  const failed = [];
  const { PATH } = process.env;
  for (const [i, binary] of binaries.entries()) {
    say(`tests under Node ${versions[i]}: ${binary}`);
    // Those who start `node` by its name get the same.
    process.env.PATH = `${path.dirname(binary)}${path.delimiter}${PATH}`;
    process.exitCode = 0;
    await become([...vitest, ...excludes, ...passed], binary);
    if (process.exitCode !== 0) failed.push(versions[i]);
  }
  say(
    failed.length === 0
      ? `passed under Node ${versions.join(', ')}`
      : `failed under Node ${failed.join(', ')}`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
});
