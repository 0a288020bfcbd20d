import { EXIT } from './cli-error.js';
import type { Command } from './command.js';
import { allKnobs } from './knobs.js';
import { styleOfOutput, wrap, writeJson, writeLines } from './output.js';

const INDENT = '    ';

type Knob = ReturnType<typeof allKnobs>[number];

/** What stands beside the name: the default, and what the environment makes of it. */
function setting(knob: Knob): string {
  const now = knob.value === knob.default ? '' : `, here ${knob.value}`;
  return `${knob.default}${knob.unit === '' ? '' : ` ${knob.unit}`}${now}`;
}

function described(knob: Knob, width: number): string[] {
  const option = knob.option === '' ? '' : `, pool option ${knob.option}`;
  const words = knob.words === '' ? '' : ` (${knob.words.replaceAll('|', ', ')})`;
  return [
    `${knob.flag}  ${setting(knob)}`,
    `${INDENT}${knob.variable}${option}`,
    // Written for the table of docs/KNOBS.md, which is Markdown.
    ...wrap(knob.meaning.replaceAll('`', '') + words, width - INDENT.length).map((line) => INDENT + line),
  ];
}

/** `superslab knobs`: every setting there is. */
export const knobs: Command = {
  usage: 'knobs [--json]',
  summary: 'every setting: its default, and what it means',
  options: { json: 'nothing' },
  operands: [0, 0],
  exits: {
    [EXIT.done]: 'done',
    [EXIT.usage]: 'wrong arguments, or a wrong SUPERSLAB_* variable',
    [EXIT.cannotRun]: 'the addon does not load',
  },

  help() {
    return [
      'Lists every knob: as an option of superslab run, as an environment variable, as',
      'an option of new BufferPool() where it is one; with its default, what holds in',
      'this environment where that differs, and its meaning.',
      '',
      '  superslab knobs',
      '  SUPERSLAB_PROFILE=low-memory superslab knobs | grep here',
      "  superslab knobs --json | jq '.knobs[] | select(.value != .default)'",
      '',
      '--json prints {knobs}: of each flag, variable, option, default, value, unit,',
      'words and meaning.',
    ];
  },

  async run(args) {
    const all = allKnobs();
    if (args.has('json')) writeJson({ knobs: all });
    else writeLines(all.flatMap((knob) => described(knob, styleOfOutput().width)));
    return EXIT.done;
  },
};
