// From a layout to its classes: that of the records, and those of the records within them.
import { Buffer } from 'node:buffer';
import type { ChunkMemory } from './chunk-memory.js';
import type { ChunkPlan } from './chunk-plan.js';
import {
  type Access,
  type BaseClass,
  compile,
  type EntryClass,
  type PartMember,
  type ScalarMember,
} from './compile.js';
import {
  type AnyLayout,
  type ArrayType,
  type FieldType,
  isScalar,
  SCALARS,
  type ScalarType,
  VIEWS,
} from './field-types.js';
import { extentOf, type Field, type RecordLayout } from './layout.js';

const bufferFrom: (memory: ArrayBuffer, byteOffset: number, length: number) => Buffer = Buffer.from;

/** The values of a record within another one. */
class InnerRecord {
  readonly #outer: object;

  constructor(outer: object) {
    this.#outer = InnerRecord.outermost(outer);
  }

  /** The entry of the pool that it lies in. */
  static outermost(record: object): object {
    return #outer in record ? record.#outer : record;
  }
}

const accessWithin = (access: Access): Access => {
  const { look } = access;
  return look === undefined ? access : { ...access, look: (inner) => look(InnerRecord.outermost(inner)) };
};

function innerClass(layout: RecordLayout, access: Access): EntryClass {
  const { scalars, parts } = membersOf(layout.placed, access);
  return compile(
    { base: InnerRecord as BaseClass, scalars, parts, access: accessWithin(access) },
    Object.keys(layout.fields),
  );
}

function arrayMember(
  name: string,
  { element, length }: ArrayType,
  offset: number,
  access: Access,
): PartMember {
  if (isScalar(element)) {
    return {
      name,
      make: ({ window, start }, rowAt) => VIEWS[element](window, start + rowAt + offset, length),
    };
  }
  const Inner = innerClass(element as RecordLayout, access);
  const { bytes } = extentOf(element);
  const make = (memory: ChunkMemory, rowAt: number, owner: object) => {
    const records: object[] = [];
    for (let i = 0; i < length; i++) {
      records[i] = new Inner(owner, undefined, undefined, memory, rowAt + offset + i * bytes, 0);
    }
    return Object.freeze(records);
  };
  return { name, make };
}

function plainPart({ name, type, offset }: Field, access: Access): PartMember {
  const part = type as Exclude<FieldType, ScalarType>;
  if (part.kind === 'bytes') {
    return {
      name,
      make: ({ window, start }, rowAt) => bufferFrom(window, start + rowAt + offset, part.length),
    };
  }
  if (part.kind === 'array') return arrayMember(name, part, offset, access);
  const Inner = innerClass(part as AnyLayout as RecordLayout, access);
  return {
    name,
    make: (memory, rowAt, owner) => new Inner(owner, undefined, undefined, memory, rowAt + offset, 0),
  };
}

const owners = new WeakMap<object, object>();

/** Whoever has a part of a record has its entry. */
export const keepOwner = (part: object, entry: object): void => {
  owners.set(part, entry);
};

function partMember(field: Field, access: Access): PartMember {
  const { keep } = access;
  const member = plainPart(field, access);
  if (keep === undefined) return member;
  const make = (memory: ChunkMemory, rowAt: number, owner: object) => {
    const part = member.make(memory, rowAt, owner);
    keep(part, InnerRecord.outermost(owner));
    return part;
  };
  return { name: field.name, make };
}

function membersOf(
  fields: readonly Field[],
  access: Access,
): { scalars: ScalarMember[]; parts: PartMember[] } {
  const scalars: ScalarMember[] = [];
  const parts: PartMember[] = [];
  for (const field of fields) {
    if (!isScalar(field.type)) parts.push(partMember(field, access));
    else scalars.push({ name: field.name, type: field.type, at: field.offset, isColumn: false });
  }
  return { scalars, parts };
}

/** The class of a pool's entries: those of `base`, with a property for each field. */
export function entryClass<Entry extends object>(
  layout: RecordLayout,
  { row, columns }: ChunkPlan,
  base: BaseClass,
  access: Access,
): EntryClass<Entry> {
  const { scalars, parts } = membersOf(row, access);
  for (const { name, type, at } of columns) {
    scalars.push({ name, type, at: at / SCALARS[type].bytes, isColumn: true });
  }
  return compile({ base, scalars, parts, access }, Object.keys(layout.fields)) as EntryClass<Entry>;
}

/** Every type of number that records of a layout have, those within them included; and bytes, by which they are cleared. */
export function typesIn(layout: RecordLayout, types = new Set<ScalarType>(['u8'])): Set<ScalarType> {
  for (const type of Object.values(layout.fields)) {
    const inner = typeof type !== 'string' && type.kind === 'array' ? type.element : type;
    if (isScalar(inner)) types.add(inner);
    else if (inner.kind === 'record') typesIn(inner as RecordLayout, types);
  }
  return types;
}
