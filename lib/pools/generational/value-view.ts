import { Buffer } from 'node:buffer';

type BufferConstructor = new (memory: ArrayBuffer, byteOffset: number, length: number) => Buffer;
const ByteArray = Uint8Array as unknown as BufferConstructor;

/** A Buffer over memory of a pool, made without a call of Node's own constructors, which take four times as long. */
export class ValueView extends ByteArray {}

// As for PooledBuffer: libraries see a Buffer, and copy what `constructor.isBuffer` does not know.
Object.setPrototypeOf(ValueView.prototype, Buffer.prototype);
Object.defineProperty(ValueView.prototype, 'constructor', { value: Buffer });
Object.freeze(ValueView);
