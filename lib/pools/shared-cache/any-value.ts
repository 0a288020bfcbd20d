// Values of any kind as bytes: what adapters keep in a shared cache.
import { deserialize, serialize } from 'node:v8';
import {
  builtins,
  copyInAt,
  lengthOf,
  memoryOf,
  offsetOf,
  viewBytes,
  writeText,
} from '../../base/builtins.js';

/** What follows, in the first byte. They stand in files, so that they stay. */
const TEXT = 1;
const BYTES = 2;
/** By the structured clone algorithm: Buffers, Maps, Dates and what holds them. */
const CLONE = 3;

/** @throws an Error for what cannot be cloned, such as a function */
export function bytesOfAny(value: unknown): Buffer {
  if (typeof value === 'string') {
    const bytes = builtins.allocUnsafe(1 + builtins.byteLength(value));
    bytes[0] = TEXT;
    writeText(bytes, value, 1, bytes.length - 1, 'utf8');
    return bytes;
  }
  const isBytes = builtins.isUint8Array(value);
  return behind(isBytes ? BYTES : CLONE, isBytes ? value : serialize(value));
}

function behind(kind: number, content: Uint8Array): Buffer {
  const bytes = builtins.allocUnsafe(1 + lengthOf(content));
  bytes[0] = kind;
  copyInAt(bytes, content, 1);
  return bytes;
}

/** `bytes` are the caller's own, and the result may lie in them. Throws for what bytesOfAny() has not made. */
export function anyOfBytes(bytes: Buffer): unknown {
  const content = viewBytes(bytes, 1, bytes.length);
  switch (bytes[0]) {
    case TEXT:
      return content.toString('utf8');
    case BYTES:
      return builtins.bufferOf(memoryOf(content), offsetOf(content), content.length);
    case CLONE:
      return deserialize(content);
    default:
      throw new Error(`there is no kind of value ${bytes[0]}`);
  }
}
