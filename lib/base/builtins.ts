// What the package uses of JavaScript and Node.js, as it was when the package was loaded. Programs and test
// environments put other things in their place: jsdom a setTimeout without unref(), fake timers a process.nextTick
// that waits for the test, a program a property `length` of its own on a buffer. Memory is lent, counted and cleared by
// what is here. For the time see addon/clock.ts.
import { Buffer } from 'node:buffer';
import { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers';
import { types } from 'node:util';

type Method<This, Args extends unknown[], Result> = (this: This, ...args: Args) => Result;

/** `method` as a function of its `this`, that calls no function which can be replaced later. */
export const uncurried: <This, Args extends unknown[], Result>(
  method: Method<This, Args, Result>,
) => (self: This, ...args: Args) => Result = Function.prototype.bind.bind(Function.prototype.call) as never;

function getter<This, Result>(prototype: object, name: string): (self: This) => Result {
  const { get } = Object.getOwnPropertyDescriptor(prototype, name)!;
  return uncurried(get as Method<This, [], Result>);
}

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;

/** Properties of a view, whatever it has of its own by those names. All throw for what is no typed array. */
export const lengthOf: (view: Uint8Array) => number = getter(typedArray, 'length');
export const memoryOf: (view: Uint8Array) => ArrayBuffer = getter(typedArray, 'buffer');
export const offsetOf: (view: Uint8Array) => number = getter(typedArray, 'byteOffset');

/** Bytes of an ArrayBuffer; 0 once it was detached. */
export const sizeOf: (memory: ArrayBuffer) => number = getter(ArrayBuffer.prototype, 'byteLength');

export const fill: (view: Uint8Array, byte: number) => void = uncurried(typedArray.fill);

/** The same from `start` on, as far as `end`. */
export const fillPart: (view: Uint8Array, byte: number, start: number, end: number) => void = uncurried(
  typedArray.fill,
);

/** Copies all of `source`, which must fit. */
export const copyInto: (view: Uint8Array, source: Uint8Array) => void = uncurried(typedArray.set);

/** Copies bytes `start` to `end` of `source` to byte `at` of `target`, which must have room for them. */
export const copyBytes: (
  source: Buffer,
  target: Uint8Array,
  at: number,
  start: number,
  end: number,
) => number = uncurried(Buffer.prototype.copy);

/** A Buffer that shows bytes `start` to `end` of another. */
export const viewBytes: (buf: Buffer, start: number, end: number) => Buffer = uncurried(
  Buffer.prototype.subarray,
) as never;
/** Takes `count` elements from `place` on out of an array. */
export const splice: (array: unknown[], place: number, count: number) => unknown[] = uncurried(
  Array.prototype.splice as (place: number, count: number) => unknown[],
);
/** The same from `offset` of the view on. */
export const copyInAt: (view: Uint8Array, source: Uint8Array, offset: number) => void = uncurried(
  typedArray.set,
) as never;

/** Calls one of the two when the promise has settled. */
export const promiseThen: <Value>(
  promise: Promise<Value>,
  onValue: (value: Value) => void,
  onError?: (error: unknown) => void,
) => Promise<unknown> = uncurried(Promise.prototype.then) as never;

/** Encodes `text` into a buffer and returns how many bytes that were; no more than `length`. */
export const writeText: (
  buf: Buffer,
  text: string,
  offset: number,
  length: number,
  encoding: BufferEncoding,
) => number = uncurried(Buffer.prototype.write);

/** Taken apart, so that a later change of the objects changes nothing here. */
export const builtins = Object.freeze({
  ArrayBuffer,
  Promise,
  Float64Array,
  Int32Array,
  Uint8Array,
  Uint16Array,
  Uint32Array,
  WeakRef,
  Atomics: Object.freeze({ load: Atomics.load, store: Atomics.store }),
  allocUnsafe: Buffer.allocUnsafe,
  allocUnsafeSlow: Buffer.allocUnsafeSlow,
  bufferOf: Buffer.from as (memory: ArrayBufferLike, byteOffset: number, length: number) => Buffer,
  bufferOfText: Buffer.from as (text: string, encoding: BufferEncoding) => Buffer,
  byteLength: Buffer.byteLength,
  clearInterval,
  clearTimeout,
  dateNow: Date.now,
  isAnyArrayBuffer: types.isAnyArrayBuffer,
  isAsyncFunction: types.isAsyncFunction,
  isSharedArrayBuffer: types.isSharedArrayBuffer,
  isEncoding: Buffer.isEncoding,
  isUint8Array: types.isUint8Array,
  nextTick: process.nextTick.bind(process),
  promiseResolve: Promise.resolve.bind(Promise) as <T>(value: T) => Promise<Awaited<T>>,
  promiseReject: Promise.reject.bind(Promise) as (reason: unknown) => Promise<never>,
  queueMicrotask,
  random: Math.random,
  setImmediate,
  setInterval,
  setTimeout,
});
