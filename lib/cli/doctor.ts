import path from 'node:path';
import { usageError } from './cli-error.js';
import type { Command } from './command.js';
import { checksFor } from './doctor/checks.js';
import type { Finding } from './doctor/finding.js';
import { releaseOf } from './doctor/kernel.js';
import { type Machine, thisMachine } from './doctor/machine.js';
import { print, type Style } from './doctor/print.js';

// Compiled, this file lies in dist/cjs/cli/.
const packageRoot = path.join(__dirname, '..', '..', '..');

const FOUND_FAULT = 1;

/** Narrower text is unreadable, wider text too. */
const LEAST_WIDTH = 60;
const MOST_WIDTH = 100;

function style(): Style {
  const { isTTY, columns = 80 } = process.stdout;
  return {
    width: Math.min(Math.max(columns, LEAST_WIDTH), MOST_WIDTH),
    // no-color.org: any value but an empty one.
    colour: isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb',
  };
}

const versionsOf = (machine: Machine) => ({
  superslab: machine.package.version,
  node: machine.versions.node,
  nodeApi: machine.versions.napi,
  v8: machine.versions.v8,
  platform: `${machine.platform}-${machine.arch}`,
  kernel: releaseOf(machine),
  glibc: machine.glibc,
});

const isFault = ({ status }: Finding) => status === 'warning' || status === 'problem';

/** `superslab doctor`: what of this machine is in superslab's way, and what to set. */
export const doctor: Command = {
  usage: 'doctor [--json]',
  summary: 'look at this machine and say what to set',

  help() {
    return [
      'Looks at what superslab depends on: Node.js, the addon, SUPERSLAB_* variables,',
      'huge pages, memory nodes, overcommit, limits of the process and of its cgroup,',
      "the kernel, glibc's arenas, preloaded allocators. Changes nothing.",
      '',
      '  superslab doctor',
      '  superslab doctor --json | jq \'.findings[] | select(.status != "ok")\'',
      '',
      'Run it as the program runs: as its user, in its container, with its variables',
      'and NODE_OPTIONS. Commands that begin with sudo are for the machine itself.',
      '',
      '  ok       as it should be',
      '  note     works; something to know or to choose',
      '  warning  works, at a price',
      '  problem  superslab, or the program on it, fails because of it',
      '',
      '--json prints one object, {ok, findings, versions}: of each finding id, title,',
      'status, found, why and, where there is something to do, advice, command,',
      'permanent (for the next start of the machine) and source.',
      '',
      'Exit codes: 0 only ok and notes, 1 warnings or problems, 64 wrong arguments.',
      '',
    ].join('\n');
  },

  async run(args) {
    const unknown = args.find((arg) => arg !== '--json');
    if (unknown !== undefined) {
      throw usageError(`what is ${JSON.stringify(unknown)}? Write superslab doctor [--json]`);
    }
    const machine = thisMachine(packageRoot);
    const findings = checksFor(machine).map((check) => check(machine));
    const ok = !findings.some(isFault);
    process.stdout.write(
      args.includes('--json')
        ? `${JSON.stringify({ ok, findings, versions: versionsOf(machine) }, null, 2)}\n`
        : print(findings, style()),
    );
    return ok ? 0 : FOUND_FAULT;
  },
};
