// How a chunk is divided: the rows of all fields but the columns, then each column.
import type { SliceTag } from '../../addon/binding.js';
import { facts } from '../../addon/environment.js';
import { GRANULE_SHIFT, SLICE_BYTES } from '../../addon/generated/memory.js';
import { tagAlignedTo } from '../../pool/aligned-tags.js';
import { SCALARS, type ScalarType } from './field-types.js';
import { alignUp, type Field, layOut, MAX_RECORD_BYTES, type RecordLayout } from './layout.js';

const { tagOfGranules, bytesOfTag } = facts;

/** Records that a chunk has at least, where that is no more than 2 MiB. */
const MIN_RECORDS = 8;

/** A field that lies apart from the others. */
export interface ColumnPlace {
  readonly name: string;
  readonly type: ScalarType;
  /** Of the first record's, from the start of the chunk. Unit: bytes. */
  readonly at: number;
}

export interface ChunkPlan {
  /** Of the block, which is of one size class. Unit: bytes. */
  readonly chunkBytes: number;
  readonly tag: SliceTag;
  /** What rows begin at a multiple of, if that is more than their fields ask for. */
  readonly align: number;
  /** How many records a chunk has room for. */
  readonly records: number;
  /** What one of them takes, all columns included. Unit: bytes. */
  readonly recordBytes: number;
  /** From one row to the next; 0 when every field is a column. */
  readonly rowBytes: number;
  /** The fields of a row, with their offsets in it. */
  readonly row: readonly Field[];
  readonly columns: readonly ColumnPlace[];
}

const classFor = (bytes: number): SliceTag => tagOfGranules[(bytes + 63) >>> GRANULE_SHIFT]!;

/** Enough for many records, but little of it unused. `bytesOf` tells what so many records take. */
function chunkBytesFor(bytesOf: (records: number) => number, align: number, max: number): number {
  let wanted = SLICE_BYTES;
  if (bytesOf(MIN_RECORDS) > SLICE_BYTES) {
    let records = MIN_RECORDS;
    while (records > 1 && bytesOf(records) > MAX_RECORD_BYTES) records /= 2;
    wanted = bytesOf(records);
  }
  // A pool of few records takes no more than it needs.
  if (max > 0) wanted = Math.min(wanted, bytesOf(max));
  return bytesOfTag[tagAlignedTo(wanted, align)]!;
}

interface ColumnType {
  readonly name: string;
  readonly type: ScalarType;
}

/** Where columns of `records` numbers begin, behind the rows, and where they end. */
function placeColumns(
  columns: readonly ColumnType[],
  rowBytes: number,
  records: number,
): { places: ColumnPlace[]; end: number } {
  let end = rowBytes * records;
  const places = columns.map(({ name, type }) => {
    const { bytes } = SCALARS[type];
    const at = alignUp(end, bytes);
    end = at + bytes * records;
    return { name, type, at };
  });
  return { places, end };
}

/** What a record takes, in its row and in columns. */
function divide(layout: RecordLayout, names: readonly string[], align: number) {
  const isColumn = new Set(names);
  const fields = Object.entries(layout.fields);
  const { placed, bytes } = layOut(fields.filter(([name]) => !isColumn.has(name)));
  const rowBytes = alignUp(bytes, align);
  const columns = names
    .map((name) => ({ name, type: layout.fields[name] as ScalarType }))
    // The widest first: what follows it needs no gap.
    .sort((a, b) => SCALARS[b.type].bytes - SCALARS[a.type].bytes);
  const recordBytes = columns.reduce((sum, { type }) => sum + SCALARS[type].bytes, rowBytes);
  const bytesOf = (records: number) => placeColumns(columns, rowBytes, records).end;
  return { row: placed, rowBytes, columns, recordBytes, bytesOf };
}

/** That of a pool whose chunks have so many bytes, those of a size class. `names` are fields that are numbers. */
export function planFor(
  layout: RecordLayout,
  names: readonly string[],
  align: number,
  chunkBytes: number,
): ChunkPlan {
  const { row, rowBytes, columns, recordBytes, bytesOf } = divide(layout, names, align);
  let records = Math.floor(chunkBytes / recordBytes);
  while (bytesOf(records) > chunkBytes) records--;
  const { places } = placeColumns(columns, rowBytes, records);
  return {
    chunkBytes,
    tag: classFor(chunkBytes),
    align,
    records,
    recordBytes,
    rowBytes,
    row,
    columns: places,
  };
}

/** Of a pool of at most `max` records, 0 for no limit. */
export const planChunks = (
  layout: RecordLayout,
  names: readonly string[],
  align: number,
  max: number,
): ChunkPlan =>
  planFor(layout, names, align, chunkBytesFor(divide(layout, names, align).bytesOf, align, max));
