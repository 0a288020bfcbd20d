// `node scripts/clang-format.mjs [--write]` checks that the C++ is formatted as .clang-format says, or formats it.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { main, root, ScriptError, say } from './support/paths.mjs';

const require = createRequire(import.meta.url);
const { filesUnder } = require('./sources.cjs');

/** clang-format 15 from npm is the same everywhere. CLANG_FORMAT names another one, for machines that it was not built for. */
const program = () => process.env.CLANG_FORMAT ?? require('clang-format').getNativeBinary();

await main(() => {
  const write = process.argv.includes('--write');
  const folders = ['native', 'test/native', 'test/shim', 'test/stress', 'test/fuzz', 'test/misuse'];
  const files = folders.flatMap((folder) => filesUnder(folder, ['.h', '.cc', '.c']));
  if (files.length === 0) return;
  const mode = write ? ['-i'] : ['--dry-run', '--Werror'];
  const { status, error } = spawnSync(program(), ['--style=file', ...mode, ...files], {
    cwd: root,
    stdio: 'inherit',
  });
  if (error) throw new ScriptError(`clang-format: ${error.message}`);
  if (status !== 0) throw new ScriptError('clang-format: not formatted; `npm run format` does it');
  say(`clang-format: ${files.length} files`);
});
