import path from 'node:path';
import { EXIT } from './cli-error.js';
import type { Command } from './command.js';
import { checksFor } from './doctor/checks.js';
import type { Finding } from './doctor/finding.js';
import { releaseOf } from './doctor/kernel.js';
import { type Machine, thisMachine } from './doctor/machine.js';
import { print } from './doctor/print.js';
import { styleOfOutput, writeJson } from './output.js';

// Compiled, this file lies in dist/cjs/cli/.
const packageRoot = path.join(__dirname, '..', '..', '..');

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
  options: { json: 'nothing' },
  operands: [0, 0],
  exits: { [EXIT.done]: 'only ok and notes', [EXIT.found]: 'warnings or problems' },

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
    ];
  },

  async run(args) {
    const machine = thisMachine(packageRoot);
    const findings = checksFor(machine).map((check) => check(machine));
    const ok = !findings.some(isFault);
    if (args.has('json')) writeJson({ ok, findings, versions: versionsOf(machine) });
    else process.stdout.write(print(findings, styleOfOutput()));
    return ok ? EXIT.done : EXIT.found;
  },
};
