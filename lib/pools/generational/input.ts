// What put() and its relatives are given.
import { show, sizeError } from '../../base/errors.js';
import { areLost, lostError } from '../../base/lost-bytes.js';
import { argumentError } from './errors.js';

const MAX_VALUE_BYTES = 2 ** 31;

export const notBytesError = (what: string, value: unknown) =>
  argumentError(`${what}() takes a Uint8Array, got ${show(value)}`);

/** @throws ERR_SUPERSLAB_SIZE for more than a value can have, ERR_SUPERSLAB_ARGUMENT when the memory of empty `bytes` is gone */
export function checkLength(bytes: Uint8Array, length: number): void {
  if (length > MAX_VALUE_BYTES) throw sizeError(length, MAX_VALUE_BYTES);
  if (length === 0 && areLost(bytes)) throw lostError('put()', bytes);
}
