// Layouts: which fields a record has, and where they lie.
import { binding } from '../../addon/binding.js';
import { makeError, show } from '../../base/errors.js';
import {
  type AnyLayout,
  type ArrayType,
  type BytesType,
  type Fields,
  type FieldType,
  isScalar,
  SCALARS,
  type ScalarType,
} from './field-types.js';

/** The largest record. */
export const MAX_RECORD_BYTES = 2 * 1024 * 1024;

/** What entries have beside their fields, and what every object has. */
const TAKEN = new Set([
  'release',
  'released',
  'toJSON',
  'then',
  'constructor',
  'prototype',
  ...Object.getOwnPropertyNames(Object.prototype),
]);

export const layoutError = (message: string, Class: typeof TypeError | typeof RangeError = TypeError) =>
  makeError('ERR_SUPERSLAB_ARGUMENT', message, Class);

/** A field, and where it lies in its record. */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** From the start of the record. Unit: bytes. */
  readonly offset: number;
  readonly bytes: number;
}

/** The objects that bytes(), array() and record() made: nothing else is one. */
const made = new WeakSet<object>();

/** What is asked of a type when it is laid out. */
interface Extent {
  readonly bytes: number;
  readonly align: number;
}

export const alignUp = (offset: number, align: number): number => Math.ceil(offset / align) * align;

export function extentOf(type: FieldType): Extent {
  if (typeof type === 'string') return { bytes: SCALARS[type].bytes, align: SCALARS[type].bytes };
  if (type.kind === 'bytes') return { bytes: type.length, align: 1 };
  if (type.kind === 'record') return type as RecordLayout;
  const { bytes, align } = extentOf(type.element);
  return { bytes: bytes * type.length, align };
}

/** Lays fields out one after the other, each at a multiple of its alignment, as a C compiler does. */
export function layOut(fields: readonly (readonly [name: string, type: FieldType])[]): Extent & {
  readonly placed: readonly Field[];
} {
  let end = 0;
  let align = 1;
  const placed = fields.map(([name, type]) => {
    const extent = extentOf(type);
    const offset = alignUp(end, extent.align);
    end = offset + extent.bytes;
    align = Math.max(align, extent.align);
    return { name, type, offset, bytes: extent.bytes };
  });
  return { placed, bytes: alignUp(end, align), align };
}

/** Which fields a record has: what record() returns. It can be a field of another one. */
export class RecordLayout<Shape extends Fields = Fields> implements AnyLayout {
  readonly kind = 'record';
  readonly fields: Shape;
  /** Of a record, a multiple of `align`. Unit: bytes. */
  readonly bytes: number;
  /** The largest alignment of its fields. Unit: bytes. */
  readonly align: number;
  /** Where each field lies. */
  readonly placed: readonly Field[];

  /** @internal */
  constructor(fields: Shape) {
    const { placed, bytes, align } = layOut(Object.entries(fields));
    if (bytes > MAX_RECORD_BYTES) {
      throw layoutError(`a record has at most ${MAX_RECORD_BYTES} B, these fields take ${bytes}`, RangeError);
    }
    this.fields = fields;
    this.placed = placed;
    this.bytes = bytes;
    this.align = align;
    made.add(Object.freeze(this));
  }
}

function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || !/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name)) {
    throw layoutError(`a field's name must be an identifier, got ${show(name)}`);
  }
  if (TAKEN.has(name)) throw layoutError(`no field can be named "${name}": every record has that already`);
}

function checkLength(what: string, length: unknown): asserts length is number {
  if (!Number.isInteger(length) || (length as number) < 1 || (length as number) > MAX_RECORD_BYTES) {
    throw layoutError(
      `the length of ${what} must be a whole number from 1 to ${MAX_RECORD_BYTES}, got ${show(length)}`,
      typeof length === 'number' ? RangeError : TypeError,
    );
  }
}

function unknownType(name: string, type: unknown): Error {
  const names = Object.keys(SCALARS);
  const nearest = typeof type === 'string' ? binding.nearestName(type, names.join('|')) : '';
  const advice =
    nearest === ''
      ? `use one of ${names.join(', ')}, or bytes(), array() or record()`
      : `did you mean "${nearest}"?`;
  return layoutError(`field "${name}" has the unknown type ${show(type)}: ${advice}`);
}

const isMade = (type: unknown): type is object => typeof type === 'object' && type !== null && made.has(type);

const isType = (type: unknown): type is FieldType => isScalar(type) || isMade(type);

export const isLayout = (value: unknown): value is RecordLayout =>
  isMade(value) && (value as { kind?: unknown }).kind === 'record';

/**
 * A layout: an object of names and types, in the order in which the fields lie in memory, or an array of such pairs.
 * @example
 * const LogEntry = record({ time: 'f64', level: 'u8', host: 'u32', message: bytes(500) });
 * @throws ERR_SUPERSLAB_ARGUMENT for an unknown type, a name that cannot be one or is there twice, and a record of more than
 * 2 MiB
 */
export function record<const Shape extends Fields>(fields: Shape): RecordLayout<Shape>;
export function record(
  fields: readonly (readonly [name: string, type: FieldType])[],
): RecordLayout<Record<string, FieldType>>;
export function record(fields: unknown): RecordLayout {
  if (typeof fields !== 'object' || fields === null) {
    throw layoutError(`record() takes an object of fields, got ${show(fields)}`);
  }
  const all: Record<string, FieldType> = {};
  const pairs: unknown[] = Array.isArray(fields) ? [...fields] : Object.entries(fields);
  for (const pair of pairs) {
    if (!Array.isArray(pair)) throw layoutError(`a field must be [name, type], got ${show(pair)}`);
    const [name, type] = pair as unknown[];
    checkName(name);
    if (Object.hasOwn(all, name)) throw layoutError(`the field "${name}" is there twice`);
    if (!isType(type)) throw unknownType(name, type);
    all[name] = type;
  }
  if (pairs.length === 0) throw layoutError('a record needs at least one field');
  return new RecordLayout(Object.freeze(all));
}

/**
 * A field of so many bytes: a Buffer over the record's memory.
 * @throws ERR_SUPERSLAB_ARGUMENT for anything but a whole number from 1 to 2 MiB
 */
export function bytes(length: number): BytesType {
  checkLength('bytes()', length);
  const type = Object.freeze({ kind: 'bytes', length } as const);
  made.add(type);
  return type;
}

/**
 * A field of so many numbers, a typed array over the record's memory, or of so many records.
 * @throws ERR_SUPERSLAB_ARGUMENT
 */
export function array<const Element extends ScalarType | AnyLayout>(
  element: Element,
  length: number,
): ArrayType<Element> {
  checkLength('array()', length);
  if (!isScalar(element) && !isLayout(element)) {
    throw unknownType('of array()', element);
  }
  const type = Object.freeze({ kind: 'array', element, length } as const);
  made.add(type);
  return type;
}

/** A layout as a text from which parseLayout() makes the same. */
export type LayoutText = readonly (readonly [name: string, type: TypeText])[];
type TypeText =
  | string
  | number
  | readonly [element: TypeText, length: number]
  | { readonly record: LayoutText };

function typeText(type: FieldType): TypeText {
  if (typeof type === 'string') return type;
  if (type.kind === 'bytes') return type.length;
  if (type.kind === 'record') return { record: layoutText(type) };
  return [typeText(type.element), type.length];
}

export const layoutText = ({ fields }: AnyLayout): LayoutText =>
  Object.entries(fields).map(([name, type]) => [name, typeText(type)] as const);

function parseType(text: TypeText): FieldType {
  if (typeof text === 'string') return text as ScalarType;
  if (typeof text === 'number') return bytes(text);
  if ('record' in text) return parseLayout(text.record);
  return array(parseType(text[0]) as ScalarType | AnyLayout, text[1]);
}

export const parseLayout = (text: LayoutText): RecordLayout =>
  record(text.map(([name, type]) => [name, parseType(type)] as const));
