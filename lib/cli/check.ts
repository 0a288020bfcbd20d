import { bytes, counted, printable } from '../base/text.js';
import { EXIT } from './cli-error.js';
import type { Command } from './command.js';
import { writeJson, writeLines } from './output.js';

/** What was found in a file. */
interface Found {
  readonly file: string;
  readonly ok: boolean;
  /** The first things that are wrong, in words. */
  readonly messages: readonly string[];
  readonly blocks: number;
  readonly usedBytes: number;
  readonly dataBytes: number;
  /** Records of the journal that are not home yet: the file was not closed. */
  readonly replayed: number;
}

const NOTHING = { blocks: 0, usedBytes: 0, dataBytes: 0, replayed: 0 };

async function examine(file: string): Promise<Found> {
  const { MappedPool } = await import('../files.js');
  try {
    // Only read: whoever looks changes nothing, and a journal is replayed in memory.
    const pool = MappedPool.open(file, { access: 'read', mode: 0o777 });
    const { wrong, messages } = pool.verify();
    const { blocks, usedBytes, dataBytes, replayed } = pool.stats().file;
    pool.close();
    return { file, ok: wrong === 0, messages, blocks, usedBytes, dataBytes, replayed };
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code !== 'ERR_SUPERSLAB_FILE_DAMAGED') throw error;
    return { file, ok: false, messages: [message], ...NOTHING };
  }
}

function told({ file, ok, messages, blocks, usedBytes, dataBytes, replayed }: Found): string[] {
  const open = replayed === 0 ? '' : `, not closed: ${counted(replayed, 'record')} to replay`;
  const head = ok
    ? `ok: ${counted(blocks, 'block')}, ${bytes(usedBytes)} of ${bytes(dataBytes)}${open}`
    : `damaged${open}`;
  return [`${printable(file)}: ${head}`, ...messages.map((message) => `    ${printable(message)}`)];
}

/** `superslab check`: whether a file of a MappedPool is whole. */
export const check: Command = {
  usage: 'check FILE [--json]',
  summary: 'look whether a file of a MappedPool is whole',
  options: { json: 'nothing' },
  operands: [1, 1],
  exits: {
    [EXIT.done]: 'it is whole',
    [EXIT.found]: 'it is damaged',
    [EXIT.cannotRun]: 'it cannot be read, is in use, or is no such file',
  },

  help() {
    return [
      'Walks every structure of the file: each page of the books against its checksum,',
      'each block, slab and free extent against the lists and the figures. Changes',
      'nothing: of a file that was not closed, the journal is replayed in memory.',
      '',
      '  superslab check state.slab',
      "  superslab check state.slab --json | jq '.messages[]'",
      '',
      '--json prints {file, ok, messages, blocks, usedBytes, dataBytes, replayed}.',
    ];
  },

  async run(args) {
    const found = await examine(args.operands[0]!);
    if (args.has('json')) writeJson(found);
    else writeLines(told(found));
    return found.ok ? EXIT.done : EXIT.found;
  },
};
