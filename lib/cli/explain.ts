import { printable } from '../base/text.js';
import { explanation } from '../stats/explanation.js';
import type { ProcessStats } from '../stats/pool-stats.js';
import { chosenPools } from './chosen-pools.js';
import { EXIT } from './cli-error.js';
import type { Command } from './command.js';
import { lookingExits, lookingHelp, lookingOptions } from './looking.js';
import { styleOfOutput, wrap, writeJson, writeLines } from './output.js';
import { resolveTarget } from './target.js';

const INDENT = '  ';

/** `superslab explain`: what a process changed by itself, and why. */
export const explain: Command = {
  usage: 'explain PID|URL [--pool=name] [--json] [--attach]',
  summary: 'what a running process changed by itself, and why',
  options: { ...lookingOptions, json: 'nothing', pool: 'value' },
  operands: [1, 1],
  exits: {
    [EXIT.done]: 'done',
    ...lookingExits,
  },

  help() {
    return [
      'Prints what each pool, or those called name, changed by itself, in sentences:',
      'what was learned and what it saved, proposals that were tried, kept and rolled',
      'back with their expected and measured gain, and memory that was kept ready or',
      'taken ahead of demand. The latest comes first.',
      '',
      ...lookingHelp,
      '',
      '--json prints {pid, pools}: of each name, summary, sentences, learning and',
      'adaptations.',
    ];
  },

  async run(args) {
    const target = await resolveTarget(args.operands[0]!, { attach: args.has('attach') });
    const stats = await target.getJson<ProcessStats>('stats.json');
    const explained = chosenPools(stats, args.value('pool')).map((pool) => ({
      name: pool.name,
      ...explanation(pool),
      learning: pool.learning,
      adaptations: pool.adaptations,
    }));
    if (args.has('json')) {
      writeJson({ pid: stats.pid, pools: explained });
      return EXIT.done;
    }
    const width = styleOfOutput().width - INDENT.length;
    writeLines([
      target.title,
      ...explained.flatMap(({ name, summary, sentences }) => [
        `\npool "${printable(name)}"`,
        ...[...summary, ...sentences].flatMap((line) => wrap(line, width).map((part) => INDENT + part)),
      ]),
    ]);
    return EXIT.done;
  },
};
