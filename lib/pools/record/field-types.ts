// What a field of a record can be, and what its value is in TypeScript.
import type { Buffer } from 'node:buffer';
import { makeError, show } from '../../base/errors.js';

/** What the program has of each type of number, and how its memory is seen. */
export interface ScalarViews {
  i8: Int8Array;
  u8: Uint8Array;
  i16: Int16Array;
  u16: Uint16Array;
  i32: Int32Array;
  u32: Uint32Array;
  f32: Float32Array;
  f64: Float64Array;
  i64: BigInt64Array;
  u64: BigUint64Array;
  bool: Uint8Array;
}

/** A type of number: `i8` to `i64` and `u8` to `u64` are whole, `f32` and `f64` are not, `bool` is a byte. */
export type ScalarType = keyof ScalarViews;

export type ScalarView = ScalarViews[ScalarType];
export type ViewOf<Type extends ScalarType> = ScalarViews[Type];

/** So many bytes: see bytes(). */
export interface BytesType {
  readonly kind: 'bytes';
  readonly length: number;
}

/** So many of one type: see array(). */
export interface ArrayType<Element extends ScalarType | AnyLayout = ScalarType | AnyLayout> {
  readonly kind: 'array';
  readonly element: Element;
  readonly length: number;
}

/** A record within a record: what record() returns. */
export interface AnyLayout {
  readonly kind: 'record';
  readonly fields: Fields;
}

export type FieldType = ScalarType | BytesType | ArrayType | AnyLayout;

/** The fields of a record, in the order in which they are declared. */
export type Fields = Readonly<Record<string, FieldType>>;

type ScalarValue<Type> = Type extends 'i64' | 'u64' ? bigint : Type extends 'bool' ? boolean : number;

type ElementsOf<Element> = Element extends ScalarType
  ? ScalarViews[Element]
  : Element extends { readonly fields: infer Inner extends Fields }
    ? readonly RecordValues<Inner>[]
    : never;

type PartOf<Type> = Type extends BytesType
  ? Buffer
  : Type extends { readonly kind: 'array'; readonly element: infer Element }
    ? ElementsOf<Element>
    : Type extends { readonly kind: 'record'; readonly fields: infer Inner extends Fields }
      ? RecordValues<Inner>
      : never;

type NamesOf<Shape extends Fields, Wanted> = {
  [Name in keyof Shape]: Shape[Name] extends Wanted ? Name : never;
}[keyof Shape];

/** The names of the fields that are numbers. */
export type ScalarNames<Shape extends Fields> = NamesOf<Shape, ScalarType> & string;

/**
 * The values of a record: a property for each field. Numbers can be set; bytes, arrays and records within are views, whose
 * contents can be.
 */
export type RecordValues<Shape extends Fields> = {
  -readonly [Name in ScalarNames<Shape>]: ScalarValue<Shape[Name]>;
} & {
  readonly [Name in Exclude<keyof Shape, ScalarNames<Shape>>]: PartOf<Shape[Name]>;
};

/** A value of a field that is a number. */
export type ColumnValue<Shape extends Fields, Name extends keyof Shape> = ScalarValue<Shape[Name]>;
/** How the memory of a column is seen. */
export type ColumnView<Shape extends Fields, Name extends keyof Shape> = Shape[Name] extends ScalarType
  ? ScalarViews[Shape[Name]]
  : never;

/** What is known of a type of number. Its range is of whole numbers; undefined for one that has none. */
export interface ScalarFacts {
  readonly bytes: number;
  readonly min: number | bigint | undefined;
  readonly max: number | bigint | undefined;
}

const whole = (bytes: number, min: number | bigint, max: number | bigint): ScalarFacts => ({
  bytes,
  min,
  max,
});
const real = (bytes: number): ScalarFacts => ({ bytes, min: undefined, max: undefined });

export const SCALARS: Readonly<Record<ScalarType, ScalarFacts>> = {
  i8: whole(1, -128, 127),
  u8: whole(1, 0, 255),
  i16: whole(2, -32_768, 32_767),
  u16: whole(2, 0, 65_535),
  i32: whole(4, -(2 ** 31), 2 ** 31 - 1),
  u32: whole(4, 0, 2 ** 32 - 1),
  f32: real(4),
  f64: real(8),
  i64: whole(8, -(2n ** 63n), 2n ** 63n - 1n),
  u64: whole(8, 0n, 2n ** 64n - 1n),
  bool: whole(1, 0, 1),
};

function rangeText(type: ScalarType): string {
  const { min, max } = SCALARS[type];
  if (type === 'bool') return 'true or false';
  if (min === undefined) return type === 'f32' ? 'a number that 32 bits have room for' : 'a number';
  return `a whole ${typeof min === 'bigint' ? 'bigint' : 'number'} from ${min} to ${max}`;
}

function fits(type: ScalarType, value: unknown): boolean {
  const { min, max } = SCALARS[type];
  if (type === 'bool') return typeof value === 'boolean';
  if (typeof value !== (typeof min === 'bigint' ? 'bigint' : 'number')) return false;
  if (type === 'f64') return true;
  if (type === 'f32') return !Number.isFinite(value) || Number.isFinite(Math.fround(value as number));
  const isWhole = typeof value === 'bigint' || Number.isInteger(value);
  return isWhole && (value as number) >= min! && (value as number) <= max!;
}

/**
 * The value, if a field of that type has room for it.
 * @throws ERR_SUPERSLAB_ARGUMENT, as a RangeError
 */
export function fitting(
  { name, type }: { readonly name: string; readonly type: ScalarType },
  value: unknown,
): unknown {
  if (fits(type, value)) return value;
  throw makeError(
    'ERR_SUPERSLAB_ARGUMENT',
    `field "${name}" is ${type}: it takes ${rangeText(type)}, got ${show(value)}`,
    RangeError,
  );
}

export const isScalar = (type: unknown): type is ScalarType =>
  typeof type === 'string' && Object.hasOwn(SCALARS, type);

/** The view of `count` numbers of a type from `byteOffset` on, which is a multiple of their size. */
export type ViewMaker = (memory: ArrayBuffer, byteOffset: number, count: number) => ScalarView;

type ViewClass = new (memory: ArrayBuffer, byteOffset: number, count: number) => ScalarView;
const viewOf =
  (Class: ViewClass): ViewMaker =>
  (memory, byteOffset, count) =>
    new Class(memory, byteOffset, count);

// Classes as they were at load: see base/builtins.
export const VIEWS: Readonly<Record<ScalarType, ViewMaker>> = {
  i8: viewOf(Int8Array),
  u8: viewOf(Uint8Array),
  i16: viewOf(Int16Array),
  u16: viewOf(Uint16Array),
  i32: viewOf(Int32Array),
  u32: viewOf(Uint32Array),
  f32: viewOf(Float32Array),
  f64: viewOf(Float64Array),
  i64: viewOf(BigInt64Array),
  u64: viewOf(BigUint64Array),
  bool: viewOf(Uint8Array),
};
