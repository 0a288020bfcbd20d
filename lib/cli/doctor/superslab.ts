// superslab itself: its addon, its malloc library, its variables.
import path from 'node:path';
import { ownVariables } from './addon.js';
import type { Finding } from './finding.js';
import type { Machine } from './machine.js';

/** "build/Release/superslab.node": the last three names tell a build from a prebuild. */
const short = (file: string) => file.split(path.sep).slice(-3).join('/');

const build = {
  advice: "In the package's folder, build it; python3, make and a C++20 compiler are needed:",
  command: 'npm install --no-save node-addon-api && npx node-gyp rebuild',
};

export function addon(machine: Machine): Finding {
  const base = { id: 'addon', title: 'addon' };
  const { path: file, failure } = machine.addon;
  if (failure !== undefined) {
    return {
      ...base,
      status: 'problem',
      found: file === undefined ? 'none' : `${short(file)} does not load`,
      why: failure.trim().replace(/\s*\n\s*/g, '; '),
      ...build,
    };
  }
  return { ...base, status: 'ok', found: short(file ?? ''), why: `It loads, from ${file}.` };
}

export function library(machine: Machine): Finding {
  const base = { id: 'library', title: 'malloc library' };
  if ('path' in machine.library) {
    const file = machine.library.path;
    return { ...base, status: 'ok', found: short(file), why: `superslab run preloads ${file}.` };
  }
  const why = `${machine.library.missing}.`;
  return { ...base, status: 'note', found: 'none: no superslab run', why };
}

export function environment(machine: Machine): Finding {
  const base = { id: 'environment', title: 'SUPERSLAB_* variables' };
  const { wrong, failure, knobs } = machine.addon;
  // Others are of a service that is called superslab. Without the addon nobody can tell.
  const names = ownVariables(machine.env).filter(
    (name) => failure !== undefined || name in knobs || name in wrong,
  );
  if (names.length === 0) return { ...base, status: 'ok', found: 'none', why: 'The defaults hold.' };
  const found = names.map((name) => `${name}=${machine.env[name]}`).join(' ');
  const wrongNames = names.filter((name) => name in wrong);
  if (wrongNames.length > 0) {
    return {
      ...base,
      status: 'problem',
      found,
      why: `Loading superslab throws. ${wrongNames.map((name) => wrong[name]).join('; ')}`,
      advice: 'Correct them, or go without:',
      command: `unset ${wrongNames.join(' ')}`,
    };
  }
  if (failure !== undefined) {
    return { ...base, status: 'note', found, why: 'Only the addon could tell whether they are right.' };
  }
  return { ...base, status: 'ok', found, why: 'All of them are right.' };
}
