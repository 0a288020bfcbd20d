import { printable } from '../base/text.js';
import { adviceFacts } from '../stats/advice/facts.js';
import { adviceOn } from '../stats/advice/index.js';
import type { ProcessStats } from '../stats/pool-stats.js';
import { reportText } from '../stats/report.js';
import { chosenPools } from './chosen-pools.js';
import { EXIT } from './cli-error.js';
import type { Command } from './command.js';
import { lookingExits, lookingHelp, lookingOptions } from './looking.js';
import { writeJson, writeLines } from './output.js';
import { resolveTarget } from './target.js';

/** `superslab report`: what the figures of a process mean. */
export const report: Command = {
  usage: 'report PID|URL [--pool=name] [--json] [--attach]',
  summary: "what a running process's figures mean, and what to change",
  options: { ...lookingOptions, json: 'nothing', pool: 'value' },
  operands: [1, 1],
  exits: {
    [EXIT.done]: 'done',
    [EXIT.found]: 'there is advice to act on',
    ...lookingExits,
  },

  help() {
    return [
      'Prints what pool.report() says of each pool, or of those called name: figures,',
      'and advice that follows from them, the most urgent first:',
      '',
      '  act   requests fail or memory is lost',
      '  warn  it costs something',
      '  info  it might be better',
      '',
      ...lookingHelp,
      '',
      '--json prints {pid, pools}: of each name, its stats() and advice, of which each',
      'is {id, severity, text, setting}.',
    ];
  },

  async run(args) {
    const target = await resolveTarget(args.operands[0]!, { attach: args.has('attach') });
    const stats = await target.getJson<ProcessStats>('stats.json');
    const facts = adviceFacts(stats.knobs, stats.uptimeMs);
    const reports = chosenPools(stats, args.value('pool')).map((pool) => ({
      name: pool.name,
      stats: pool,
      advice: adviceOn(pool, facts),
    }));
    if (args.has('json')) {
      writeJson({ pid: stats.pid, pools: reports });
    } else {
      writeLines([
        target.title,
        ...reports.map(({ name, stats: pool }) =>
          `\n${printable(reportText({ ...pool, name: printable(name) }, stats), '\n')}`.trimEnd(),
        ),
      ]);
    }
    const mustAct = reports.some(({ advice }) => advice.some(({ severity }) => severity === 'act'));
    return mustAct ? EXIT.found : EXIT.done;
  },
};
