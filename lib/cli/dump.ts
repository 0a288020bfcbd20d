import { bytes, counted, printable } from '../base/text.js';
import { EXIT } from './cli-error.js';
import type { Command } from './command.js';
import { figure, table, writeJson, writeLines } from './output.js';

/** A block, and the first of its bytes. */
interface DumpedBlock {
  readonly handle: number;
  readonly bytes: number;
  /** Names by which it is found. */
  readonly roots: readonly string[];
  /** In hexadecimal. */
  readonly begins: string;
}

interface Dump {
  readonly file: string;
  /** Then blocks are shown as they lie there, sealed. */
  readonly encrypted: boolean;
  /** stats().file of the pool. */
  readonly figures: object;
  readonly roots: Readonly<Record<string, number>>;
  readonly blocks: readonly DumpedBlock[];
}

const SHOWN_BYTES = 16;

async function dumpOf(file: string): Promise<Dump> {
  const { openSealed } = await import('../pools/mapped/mapped-pool.js');
  // Only read: whoever looks changes nothing, and a journal is replayed in memory. Of an encrypted file without its key.
  const pool = openSealed(file);
  try {
    const roots: Record<string, number> = {};
    const names = new Map<number, string[]>();
    for (const name of pool.rootNames().sort()) {
      const handle = pool.root(name)?.handle;
      if (handle === undefined) continue;
      roots[name] = handle;
      names.set(handle, [...(names.get(handle) ?? []), name]);
    }
    const blocks: DumpedBlock[] = [];
    for (const buf of pool.entries()) {
      const { handle, length } = buf;
      blocks.push({
        handle,
        bytes: length,
        roots: names.get(handle) ?? [],
        begins: buf.toString('hex', 0, Math.min(SHOWN_BYTES, length)),
      });
      buf.release();
    }
    return { file, encrypted: pool.isEncrypted, figures: pool.stats().file, roots, blocks };
  } finally {
    pool.close();
  }
}

function told({ file, encrypted, figures, blocks }: Dump): string[] {
  const { usedBytes, dataBytes, replayed } = figures as Record<
    'usedBytes' | 'dataBytes' | 'replayed',
    number
  >;
  const open = replayed === 0 ? '' : `, not closed: ${counted(replayed, 'record')} to replay`;
  const rows = blocks.map(({ handle, bytes: length, roots, begins }) => [
    String(handle),
    figure(length),
    begins,
    roots.map((name) => JSON.stringify(printable(name))).join(' '),
  ]);
  return [
    `${printable(file)}: ${counted(blocks.length, 'block')}, ${bytes(usedBytes)} of ${bytes(dataBytes)}${encrypted ? ', encrypted' : ''}${open}`,
    ...(rows.length === 0 ? [] : table([['handle', 'bytes', 'begins with', 'roots'], ...rows], 0)),
  ];
}

/** `superslab dump`: what is in a file of a MappedPool. */
export const dump: Command = {
  usage: 'dump FILE [--json]',
  summary: 'list the blocks and roots of a file of a MappedPool',
  options: { json: 'nothing' },
  operands: [1, 1],
  exits: {
    [EXIT.done]: 'it was listed',
    [EXIT.cannotRun]: 'it cannot be read, is damaged, in use, or no such file',
  },

  help() {
    return [
      'Lists every block with its handle, length, first bytes and the names of its',
      'roots. Changes nothing: of a file that was not closed, the journal is replayed',
      'in memory. Blocks of an encrypted file are shown as they lie there.',
      '',
      '  superslab dump state.slab',
      "  superslab dump state.slab --json | jq '.blocks[] | select(.roots == [])'",
      '',
      '--json prints {file, encrypted, figures, roots: {name: handle}, blocks:',
      '[{handle, bytes, roots, begins}]}.',
    ];
  },

  async run(args) {
    const found = await dumpOf(args.operands[0]!);
    if (args.has('json')) writeJson(found);
    else writeLines(told(found));
    return EXIT.done;
  },
};
