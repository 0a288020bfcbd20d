// Makes a class of accessors for a layout: properties over typed arrays, whose offsets are constants in the code. Each object has the
// arrays as fields of its own: with one object of them a chunk, or with one DataView, an access took a third longer.
//
// Where V8 may make code from strings each class has code of its own, so that it stays fast however many layouts a program has:
// functions that closures share meet objects of all of them. Elsewhere (--disallow-code-generation-from-strings) it is closures.
import { type InspectOptions, inspect } from 'node:util';
import type { ChunkMemory } from './chunk-memory.js';
import { SCALARS, type ScalarType, type ScalarView } from './field-types.js';

/** A number in a record. */
export interface ScalarMember {
  readonly name: string;
  readonly type: ScalarType;
  /** In a row: its offset there. In a column: where the column begins, in numbers. */
  readonly at: number;
  readonly isColumn: boolean;
}

/** Bytes, an array or a record within a record: an object that is made at its first use. */
export interface PartMember {
  readonly name: string;
  make(memory: ChunkMemory, rowAt: number, owner: object): object;
}

/** What happens around an access. */
export interface Access {
  /** Throws when the record is not what it was. */
  readonly look: ((entry: object) => void) | undefined;
  /** Whether it looks after a read, because another thread may change the record meanwhile; or before each access. */
  readonly looksAfter: boolean;
  /** Returns the value that is stored, or throws. */
  readonly admit: ((member: ScalarMember, value: unknown) => unknown) | undefined;
  /** Throws when anything is set; undefined where numbers can be. */
  readonly refuse: ((name: string) => never) | undefined;
  /** Keeps an entry from being collected for as long as the program has a part of it; undefined where none is missed. */
  readonly keep: ((part: object, entry: object) => void) | undefined;
}

/** A class of accessors, below one that knows what the entry belongs to and takes the first three arguments. */
export type EntryClass<Entry extends object = object> = new (
  a: unknown,
  b: unknown,
  c: unknown,
  memory: ChunkMemory,
  rowAt: number,
  index: number,
) => Entry;

export type BaseClass = abstract new (a: never, b: never, c: never) => object;

interface Spec {
  readonly base: BaseClass;
  readonly scalars: readonly ScalarMember[];
  readonly parts: readonly PartMember[];
  readonly access: Access;
}

const FunctionMaker = Function;

/** Whether V8 may make code from strings here. */
const mayGenerate = (() => {
  try {
    new FunctionMaker('');
    return true;
  } catch {
    return false;
  }
})();

const shiftOf = (type: ScalarType): number => Math.log2(SCALARS[type].bytes);

function scalarSource(member: ScalarMember, i: number, { look, looksAfter, admit, refuse }: Access): string {
  const { name, type, at, isColumn } = member;
  const place = isColumn ? `${at} + this.#index` : `(this.#rowAt + ${at}) >>> ${shiftOf(type)}`;
  const cell = `this.#${type}[${place}]`;
  const read = type === 'bool' ? `${cell} !== 0` : cell;
  const looking = look === undefined ? '' : 'h.look(this);';
  const fitted = admit === undefined ? 'value' : `h.admit(h.scalars[${i}], value)`;
  const stored = type === 'bool' ? `${fitted} ? 1 : 0` : fitted;
  const getter = looksAfter
    ? `const value = ${read}; ${looking} return value;`
    : `${looking} return ${read};`;
  const setter =
    refuse === undefined ? `${looking} ${cell} = ${stored};` : `h.refuse(${JSON.stringify(name)});`;
  return `get ${name}() { ${getter} } set ${name}(value) { ${setter} }`;
}

function partSource({ name }: PartMember, i: number, { look, looksAfter }: Access): string {
  const looking = look === undefined ? '' : 'h.look(this);';
  const part = `this.#part${i} ??= h.parts[${i}].make(this.#memory, this.#rowAt, this)`;
  return looksAfter
    ? `get ${name}() { const part = ${part}; ${looking} return part; }`
    : `get ${name}() { ${looking} return ${part}; }`;
}

const typesOf = (scalars: readonly ScalarMember[]): ScalarType[] => [
  ...new Set(scalars.map(({ type }) => type)),
];

function generated(spec: Spec): EntryClass {
  const { scalars, parts, access } = spec;
  const types = typesOf(scalars);
  const source = `'use strict'; return class extends h.base {
    #rowAt; #index; ${parts.length > 0 ? '#memory;' : ''}
    ${types.map((type) => `#${type};`).join(' ')} ${parts.map((_, i) => `#part${i};`).join(' ')}
    constructor(a, b, c, memory, rowAt, index) {
      super(a, b, c);
      this.#rowAt = rowAt;
      this.#index = index;
      ${parts.length > 0 ? 'this.#memory = memory;' : ''}
      ${types.map((type) => `this.#${type} = memory.views.${type};`).join(' ')}
    }
    ${scalars.map((member, i) => scalarSource(member, i, access)).join('\n')}
    ${parts.map((member, i) => partSource(member, i, access)).join('\n')}
  }`;
  return new FunctionMaker('h', source)({ ...access, base: spec.base, scalars, parts }) as EntryClass;
}

type Cells = Record<number, unknown>;

/** The same without code from strings. */
function closed({ base, scalars, parts, access }: Spec): EntryClass {
  const { look = () => {}, looksAfter, admit = (_, value) => value, refuse } = access;
  const Base = base as unknown as new (a: unknown, b: unknown, c: unknown) => object;
  class Entry extends Base {
    #rowAt: number;
    #index: number;
    #memory: ChunkMemory;
    #parts: object[] = [];

    constructor(a: unknown, b: unknown, c: unknown, memory: ChunkMemory, rowAt: number, index: number) {
      super(a, b, c);
      this.#rowAt = rowAt;
      this.#index = index;
      this.#memory = memory;
    }

    static defineScalar(member: ScalarMember): void {
      const { name, type, at, isColumn } = member;
      const shift = shiftOf(type);
      const placeIn = (entry: Entry) => (isColumn ? at + entry.#index : (entry.#rowAt + at) >>> shift);
      const cells = (entry: Entry) => entry.#memory.views[type] as ScalarView as unknown as Cells;
      const read = (entry: Entry) => cells(entry)[placeIn(entry)];
      Object.defineProperty(Entry.prototype, name, {
        configurable: true,
        get(this: Entry) {
          if (!looksAfter) look(this);
          const value = type === 'bool' ? read(this) !== 0 : read(this);
          if (looksAfter) look(this);
          return value;
        },
        set(this: Entry, value: unknown) {
          if (refuse !== undefined) refuse(name);
          look(this);
          const fitted = admit(member, value);
          cells(this)[placeIn(this)] = type === 'bool' ? (fitted ? 1 : 0) : fitted;
        },
      });
    }

    static definePart(member: PartMember, i: number): void {
      Object.defineProperty(Entry.prototype, member.name, {
        configurable: true,
        get(this: Entry) {
          if (!looksAfter) look(this);
          this.#parts[i] ??= member.make(this.#memory, this.#rowAt, this);
          if (looksAfter) look(this);
          return this.#parts[i];
        },
        set: undefined,
      });
    }
  }
  for (const member of scalars) Entry.defineScalar(member);
  parts.forEach(Entry.definePart);
  return Entry;
}

/** The class, by which `names` are shown in this order. */
export function compile(spec: Spec, names: readonly string[]): EntryClass {
  const Entry = mayGenerate ? generated(spec) : closed(spec);
  const plain = (entry: Record<string, unknown>) =>
    Object.fromEntries(names.map((name) => [name, entry[name]]));
  Object.defineProperties(Entry.prototype, {
    toJSON: {
      value(this: Record<string, unknown>) {
        return plain(this);
      },
    },
    [inspect.custom]: {
      value(this: Record<string, unknown>, _: number, options: InspectOptions) {
        const isOut = this.released !== true;
        return isOut ? `Record ${inspect(plain(this), options)}` : '<Record (released)>';
      },
    },
  });
  return Entry;
}
