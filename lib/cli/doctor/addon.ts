// What a process with this environment would find when it loads the addon.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import type { Report } from './probe.js';

export interface Addon {
  /** The file that is loaded; undefined when there is none. */
  readonly path?: string;
  /** Why it does not load. */
  readonly failure?: string;
  /** The value of each knob by its variable; none when the addon does not load. */
  readonly knobs: Readonly<Record<string, string>>;
  /** What is wrong with SUPERSLAB_* variables, by name. */
  readonly wrong: Readonly<Record<string, string>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'SUPERSLAB_';
const WRONG_VARIABLE = 'ERR_SUPERSLAB_ENV';
/** Loading takes some 50 ms. */
const MAX_MS = 20_000;

export const ownVariables = (env: Environment): string[] =>
  Object.keys(env)
    .filter((name) => name.startsWith(PREFIX))
    .sort();

const without = (env: Environment, names: readonly string[]): Environment =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));

function probe(packageRoot: string, env: Environment): Report {
  const script = path.join(packageRoot, 'dist/cjs/cli/doctor/probe.js');
  const child = spawnSync(process.execPath, [script], { env, encoding: 'utf8', timeout: MAX_MS });
  try {
    return JSON.parse(child.stdout) as Report;
  } catch {
    const end = child.signal ?? `exit code ${child.status}`;
    return {
      failure: { code: '', message: `a Node that loads it ends with ${end}: ${child.stderr}`.trim() },
    };
  }
}

const withoutCode = (message: string) => message.replace(/^ERR_SUPERSLAB_\w+: /, '');

/** Loads the addon in other processes. The native side alone knows which variables are right. */
export function probeAddon(packageRoot: string, env: Environment): Addon {
  const names = ownVariables(env);
  let report = probe(packageRoot, env);
  const wrong: Record<string, string> = {};
  if (report.failure?.code === WRONG_VARIABLE) {
    // It names the first that is wrong: hence each by itself, and all that are right once more.
    for (const name of names) {
      const others = names.filter((other) => other !== name);
      const { failure } = probe(packageRoot, without(env, others));
      if (failure?.code === WRONG_VARIABLE) wrong[name] = withoutCode(failure.message);
    }
    report = probe(packageRoot, without(env, Object.keys(wrong)));
  }
  const failure = report.failure && withoutCode(report.failure.message);
  return { path: report.path, failure, knobs: report.knobs ?? {}, wrong };
}
