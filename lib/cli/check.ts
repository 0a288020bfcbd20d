import { resolve } from 'node:path';
import { bytes, counted, printable } from '../base/text.js';
import { EXIT } from './cli-error.js';
import type { Command } from './command.js';
import { writeJson, writeLines } from './output.js';

/** What was done to it. */
interface Repair {
  /** Where the damaged file is kept; null for nowhere. */
  readonly copy: string | null;
  readonly mended: readonly string[];
  readonly lost: readonly string[];
}

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
  /** Only with --repair, of a file that was damaged. */
  readonly repair?: Repair;
}

const NOTHING = { blocks: 0, usedBytes: 0, dataBytes: 0, replayed: 0 };

async function examine(file: string): Promise<Found> {
  const { openSealed } = await import('../pools/mapped/mapped-pool.js');
  try {
    // Only read: whoever looks changes nothing, and a journal is replayed in memory. Of an encrypted file without its key.
    const pool = openSealed(file);
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

async function repaired(file: string, copies: boolean, audit: string | undefined): Promise<Found> {
  const { withAudit } = await import('../pools/mapped/audit.js');
  const path = resolve(file);
  return withAudit(audit === undefined ? undefined : resolve(audit), path, (log) => {
    log?.write('repair', path, { copies });
    return repairedFile(file, copies);
  });
}

async function repairedFile(file: string, copies: boolean): Promise<Found> {
  const { repairFile } = await import('../pools/mapped/repair.js');
  const copy = copies ? resolve(`${file}.before-repair`) : '';
  const { mended, lost } = repairFile(resolve(file), copy);
  const repair = { copy: copies ? copy : null, mended, lost };
  return { ...(await examine(file)), repair };
}

function toldOfRepair({ copy, mended, lost }: Repair): string[] {
  return [
    ...mended.map((what) => `    mended: ${printable(what)}`),
    ...lost.map((what) => `    lost: ${printable(what)}`),
    ...(copy === null ? [] : [`    as it was: ${printable(copy)}`]),
  ];
}

function told({ file, ok, messages, blocks, usedBytes, dataBytes, replayed, repair }: Found): string[] {
  const open = replayed === 0 ? '' : `, not closed: ${counted(replayed, 'record')} to replay`;
  const head = ok
    ? `ok: ${counted(blocks, 'block')}, ${bytes(usedBytes)} of ${bytes(dataBytes)}${open}`
    : `damaged${open}`;
  return [
    `${printable(file)}: ${head}`,
    ...messages.map((message) => `    ${printable(message)}`),
    ...(repair === undefined ? [] : toldOfRepair(repair)),
  ];
}

/** `superslab check`: whether a file of a MappedPool is whole, and making it so. */
export const check: Command = {
  usage: 'check FILE [--repair [--no-copy] [--audit=LOG]] [--json]',
  summary: 'look whether a file of a MappedPool is whole, and mend it',
  options: { repair: 'nothing', 'no-copy': 'nothing', audit: 'value', json: 'nothing' },
  operands: [1, 1],
  exits: {
    [EXIT.done]: 'it is whole',
    [EXIT.found]: 'it is damaged, or a repair has lost something',
    [EXIT.cannotRun]: 'it cannot be read, is in use, is no such file, or is beyond repair',
  },

  help() {
    return [
      'Walks every structure of the file: each page of the books against its checksum,',
      'each block, slab and free extent against the lists and the figures. Changes',
      'nothing: of a file that was not closed, the journal is replayed in memory.',
      '',
      '--repair mends a damaged file that nobody has open, after a copy of it was made',
      'beside it, FILE.before-repair. A wrong bit is set right where a checksum tells',
      'which it is; else lists, counts and checksums are made anew. Blocks stay as they',
      'are. It says what it did, and what is lost. --audit=LOG appends a line of JSON',
      'to LOG before it begins. An encrypted file needs no key: sealed blocks stay so.',
      '',
      '  superslab check state.slab',
      '  superslab check state.slab --repair',
      "  superslab check state.slab --json | jq '.messages[]'",
      '',
      '--json prints {file, ok, messages, blocks, usedBytes, dataBytes, replayed}, and',
      'with --repair of a damaged one repair: {copy, mended, lost}.',
    ];
  },

  async run(args) {
    const file = args.operands[0]!;
    let found = await examine(file);
    if (!found.ok && args.has('repair'))
      found = await repaired(file, !args.has('no-copy'), args.value('audit'));
    if (args.has('json')) writeJson(found);
    else writeLines(told(found));
    return found.ok && (found.repair?.lost.length ?? 0) === 0 ? EXIT.done : EXIT.found;
  },
};
