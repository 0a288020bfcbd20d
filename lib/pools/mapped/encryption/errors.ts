// What goes wrong with keys and sealed blocks, in words.
import { makeError, type SuperslabError, show } from '../../../base/errors.js';

type FileError = SuperslabError & { readonly path: string };

const withPath = (error: SuperslabError, path: string): FileError =>
  Object.assign(error, { path, errno: '' });

const keyError = (path: string, text: string, options?: { cause: unknown }): FileError =>
  withPath(makeError('ERR_SUPERSLAB_KEY', `${path}: ${text}`, Error, options), path);

export const wrongKey = (path: string, keyId: string): FileError =>
  keyError(
    path,
    `the key is not the one with the id ${show(keyId)}, or the keys in the file were changed; give that key, or restore the file from a copy`,
  );

export const keyFunctionFailed = (path: string, keyId: string, cause: unknown): FileError =>
  keyError(path, `key() threw for the id ${show(keyId)}; its error is the cause`, { cause });

/** Says nothing of the bytes. */
export const noKeyReturned = (path: string, keyId: string): FileError =>
  keyError(path, `key() has to return a Uint8Array of 32 bytes, and did not for the id ${show(keyId)}`);

export const asyncKey = (path: string): FileError =>
  withPath(
    makeError(
      'ERR_SUPERSLAB_ASYNC',
      `${path}: key() returned a promise, for which open() cannot wait; get the key before, and give it`,
      TypeError,
    ),
    path,
  );

export const rotatedElsewhere = (path: string, keyId: string): FileError =>
  keyError(
    path,
    `another process has rotated the key to the one with the id ${show(keyId)}; open the file again with that, or give a function as key, which is asked for it`,
  );

export const keyWornOut = (path: string, keyId: string): FileError =>
  keyError(
    path,
    `the key with the id ${show(keyId)} has sealed 2^32 pieces, as many as one key may; call rotateKey()`,
  );

export const noKeysYet = (path: string): FileError =>
  keyError(path, 'it has no keys yet, since its making was cut off; open it once to write');

export const needsEncryption = (path: string): FileError =>
  keyError(path, 'rotateKey() is for files that were made with a key');

export const slidesSealed = (path: string): FileError =>
  keyError(
    path,
    'slide() shows bytes as they lie in the file, and those of an encrypted one are sealed; at() opens a block',
  );

export const alreadyRotating = (path: string): FileError =>
  withPath(
    makeError(
      'ERR_SUPERSLAB_COMMIT',
      `${path}: one rotateKey() at a time; wait for the promise of the other`,
    ),
    path,
  );

export const rotationInBatch = (path: string): FileError =>
  withPath(
    makeError(
      'ERR_SUPERSLAB_COMMIT',
      `${path}: there are changes that are not committed; commit() before rotateKey()`,
    ),
    path,
  );

const damaged = (path: string, text: string): FileError =>
  withPath(makeError('ERR_SUPERSLAB_FILE_DAMAGED', `${path}: ${text}; restore the file from a copy`), path);

export const damagedKeys = (path: string): FileError => damaged(path, 'the keys in the file are damaged');

export const changedBlock = (path: string, handle: number): FileError =>
  Object.assign(damaged(path, `block ${handle} was changed, or is another block's`), { handle });

export const reservedRoot = (path: string): FileError =>
  withPath(
    makeError(
      'ERR_SUPERSLAB_ARGUMENT',
      `${path}: the root "\\0keys" is the encrypted file's own; take another name`,
    ),
    path,
  );
