import { printable } from '../base/text.js';
import { EXIT } from './cli-error.js';
import type { Command } from './command.js';
import { lookingExits, lookingHelp, lookingOptions } from './looking.js';
import { writeJson, writeLines } from './output.js';
import { resolveTarget } from './target.js';
import { savePolicy } from './tune.js';

/** `superslab policy`: what a running process goes by, as a file for the next one. */
export const policy: Command = {
  usage: 'policy PID|URL [--save=FILE] [--json] [--attach]',
  summary: 'print the policy of a running process, or save it',
  options: { ...lookingOptions, save: 'value', json: 'nothing' },
  operands: [1, 1],
  exits: {
    [EXIT.done]: 'done',
    ...lookingExits,
  },

  help() {
    return [
      'Prints what superslab.policy() returns: the settings that differ from the',
      'defaults, and what the default pool has learned, as the text of a policy file.',
      'With --save it is written to FILE, for SUPERSLAB_POLICY=FILE or',
      'superslab run --policy=FILE.',
      '',
      '  superslab policy 4711',
      '  superslab policy 4711 --save server.policy',
      '',
      ...lookingHelp,
      '',
      '--json prints {pid, policy}.',
    ];
  },

  async run(args) {
    const target = await resolveTarget(args.operands[0]!, { attach: args.has('attach') });
    const text = await target.getText('policy.txt');
    const file = args.value('save');
    if (file !== undefined) savePolicy(file, text);
    if (args.has('json')) writeJson({ pid: target.hello.pid, policy: text });
    else if (file === undefined) writeLines([printable(text.trimEnd(), '\n')]);
    else writeLines([`${target.title}: written to ${printable(file)}`]);
    return EXIT.done;
  },
};
