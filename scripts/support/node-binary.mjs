// Fetches binaries of other versions of Node from the npm registry.
import { existsSync, mkdirSync } from 'node:fs';
import { at, ScriptError, say } from './paths.mjs';
import { run } from './run.mjs';

/**
 * The binary of a version of Node: anything npm understands (22, 22.23.3), fetched on first use into
 * node_modules/.cache as the package node-PLATFORM-ARCH, which holds nothing but that binary; or the path of one.
 */
export async function nodeBinary(version) {
  if (version.includes('/')) {
    if (!existsSync(version)) throw new ScriptError(`there is no file ${version}`);
    return version;
  }
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const folder = at('node_modules/.cache/superslab-nodes', version);
  const binary = `${folder}/node_modules/${name}/bin/node`;
  if (existsSync(binary)) return binary;
  say(`fetching ${name}@${version}`);
  mkdirSync(folder, { recursive: true });
  const quiet = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts'];
  await run('npm', ['install', ...quiet, '--prefix', folder, `${name}@${version}`], { cwd: folder });
  return binary;
}
