// The few fields of an ELF file that decide whether a library can be preloaded into it.
import { closeSync, openSync, readSync } from 'node:fs';

export interface ElfFile {
  /** The processor, such as "x86-64", with the word size where that is not 64 bits. */
  readonly machine: string;
  /** The dynamic loader that the kernel starts; undefined: statically linked. */
  readonly interpreter: string | undefined;
}

const PT_INTERP = 3;
/** The kernel executes nothing whose table of program headers, or name of a loader, is longer. */
const MAX_TABLE_BYTES = 65_536;
const MAX_NAME_BYTES = 4096;

/** e_machine of the ELF specification and its processor supplements. */
const machines: Readonly<Record<number, string>> = {
  3: 'x86',
  8: 'mips',
  20: 'ppc',
  21: 'ppc64',
  22: 's390',
  40: 'arm',
  62: 'x86-64',
  183: 'arm64',
  243: 'riscv',
  258: 'loongarch',
};

/** Up to `count` bytes of an open file from `position` on. */
function bytesAt(file: number, position: number, count: number): DataView {
  const bytes = new Uint8Array(count);
  const read = readSync(file, bytes, 0, count, position);
  return new DataView(bytes.buffer, 0, read);
}

function parse(file: number): ElfFile | undefined {
  const head = bytesAt(file, 0, 64);
  if (head.byteLength < 52 || head.getUint32(0) !== 0x7f454c46) return undefined;
  const wide = head.getUint8(4) === 2;
  const little = head.getUint8(5) === 1;
  /** An address or offset: 64 bits in one kind of file, 32 in the other. */
  const word = (view: DataView, at: number) =>
    wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);

  const number = head.getUint16(18, little);
  const kind = `${machines[number] ?? `machine ${number}`}${little ? '' : ' (big-endian)'}`;
  const machine = wide ? kind : `32-bit ${kind}`;

  const tableAt = word(head, wide ? 32 : 28);
  const entryBytes = head.getUint16(wide ? 54 : 42, little);
  const count = head.getUint16(wide ? 56 : 44, little);
  const table = bytesAt(file, tableAt, Math.min(entryBytes * count, MAX_TABLE_BYTES));
  for (let at = 0; at + entryBytes <= table.byteLength; at += entryBytes) {
    if (table.getUint32(at, little) !== PT_INTERP) continue;
    const nameBytes = Math.min(word(table, at + (wide ? 32 : 16)), MAX_NAME_BYTES);
    const name = bytesAt(file, word(table, at + (wide ? 8 : 4)), nameBytes);
    const text = Buffer.from(name.buffer, 0, name.byteLength).toString();
    return { machine, interpreter: text.replace(/\0.*$/s, '') };
  }
  return { machine, interpreter: undefined };
}

/** What the file at `path` is; undefined when it is no ELF file or cannot be read. */
export function readElf(path: string): ElfFile | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    return parse(file);
  } catch (error) {
    // A field that points nowhere: the kernel will say so.
    if (error instanceof RangeError) return undefined;
    throw error;
  } finally {
    closeSync(file);
  }
}
