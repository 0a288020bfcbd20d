import { builtins, lengthOf } from '../../../base/builtins.js';
import { isSuperslabError } from '../../../base/errors.js';
import { KEY_BYTES } from './cipher.js';
import { asyncKey, keyFunctionFailed, noKeyReturned, rotatedElsewhere } from './errors.js';

/** Of 32 bytes: the key, or what returns the one with that id. */
export type FileKey = Uint8Array | ((keyId: string) => Uint8Array);

/** Whether it can be a key. */
export const isKey = (value: unknown): value is Uint8Array =>
  builtins.isUint8Array(value) && lengthOf(value) === KEY_BYTES;

/** Where the program's keys come from. A Buffer is looked at while the file is opened, and is not kept. */
export class KeySource {
  readonly #path: string;
  #key: FileKey | undefined;

  constructor(path: string, key: FileKey) {
    this.#path = path;
    this.#key = key;
  }

  /** The key of that id. What a function returns is the program's, and is not kept. */
  get(keyId: string): Uint8Array {
    const key = this.#key;
    if (key === undefined) throw rotatedElsewhere(this.#path, keyId);
    if (typeof key !== 'function') return key;
    let got: unknown;
    try {
      got = key(keyId);
    } catch (error) {
      if (isSuperslabError(error)) throw error;
      throw keyFunctionFailed(this.#path, keyId, error);
    }
    if (isKey(got)) return got;
    const isPromise = typeof (got as { then?: unknown } | null | undefined)?.then === 'function';
    throw isPromise ? asyncKey(this.#path) : noKeyReturned(this.#path, keyId);
  }

  /** The file is open. */
  forgetBuffer(): void {
    if (typeof this.#key !== 'function') this.#key = undefined;
  }
}
