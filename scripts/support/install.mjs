// Installs the npm packages that package-lock.json names, where they are not.
import { existsSync, readFileSync } from 'node:fs';
import { at, say } from './paths.mjs';
import { run } from './run.mjs';

const packagesOf = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : {});

/** The first package that is absent or of another version than the lock file says; undefined when there is none. */
function firstMissing() {
  // npm writes down there what it installed. Optional packages are those of other platforms.
  const installed = packagesOf(at('node_modules/.package-lock.json'));
  return Object.entries(packagesOf(at('package-lock.json'))).find(
    ([path, { version, optional }]) => path !== '' && !optional && installed[path]?.version !== version,
  )?.[0];
}

/** Runs `npm ci` if it is needed. */
export async function ensureInstalled() {
  const missing = firstMissing();
  if (missing === undefined) return;
  say(`installing npm packages (${missing} is missing or of another version)`);
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  const npm = process.env.npm_execpath;
  if (npm?.endsWith('.js')) await run(process.execPath, [npm, ...args]);
  else await run('npm', args);
}
