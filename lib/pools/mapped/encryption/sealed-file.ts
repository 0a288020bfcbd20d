import { FILE_FAULT } from '../../../addon/generated/codes.js';
import { builtins, lengthOf } from '../../../base/builtins.js';
import type { MappedCore } from '../core.js';
import type { RotationProgress } from '../options.js';
import { plainBytes } from './cipher.js';
import { reservedRoot } from './errors.js';
import { KEYS_ROOT } from './key-record.js';
import type { KeySource } from './key-source.js';
import { type RotatingFile, Rotations } from './rotation.js';
import { Vault } from './vault.js';

/** What is other in a file whose blocks are sealed. It holds no MappedFile, which the collector may take. */
export class SealedFile {
  readonly vault: Vault;
  readonly #core: MappedCore;
  readonly #rotations: Rotations;
  readonly #found = new builtins.Float64Array(4);

  private constructor(core: MappedCore, vault: Vault) {
    this.#core = core;
    this.vault = vault;
    this.#rotations = new Rotations(core, vault);
  }

  /** Looks whether the key is the file's, or gives keys to a new file: then `keyId` is that of the key. */
  static open(core: MappedCore, source: KeySource, keyId: string): SealedFile {
    const vault = new Vault(core, source);
    // Whatever becomes of it: the core ends it.
    core.vault = vault;
    vault.open(keyId);
    return new SealedFile(core, vault);
  }

  #check(fault: number): void {
    if (fault !== FILE_FAULT.none) throw this.#core.errorOf(fault);
  }

  /** Throws for what the file has for itself: to the program it is no block. */
  checkShown(handle: number): void {
    if (this.vault.hides(handle)) throw this.#core.errorOf(FILE_FAULT.stale, { where: handle });
  }

  checkRoot(name: string, handle: number): void {
    if (name === KEYS_ROOT) throw reservedRoot(this.#core.path);
    this.checkShown(handle);
  }

  write(handle: number, offset: number, bytes: Uint8Array): void {
    const core = this.#core;
    const { file } = core;
    this.checkShown(handle);
    // What is sealed anew depends on what is there.
    this.#check(file.beginBatch());
    // Should it be cut off: nothing was changed, or the commit gives the lock back.
    builtins.queueMicrotask(() => file.endBatch());
    try {
      this.#check(file.find(handle, this.#found, false));
      const [, start, sealed] = this.#found as unknown as [number, number, number];
      const length = plainBytes(sealed);
      if (offset + lengthOf(bytes) > length)
        throw core.errorOf(FILE_FAULT.range, { where: Math.max(0, length) });
      this.vault.write({ handle, offset: start, sealed }, offset, bytes);
    } finally {
      if (!core.isInTransaction) file.endBatch();
    }
  }

  rotateKey(
    file: RotatingFile,
    key: Uint8Array,
    keyId: string | undefined,
    progress: RotationProgress | undefined,
  ): Promise<number> {
    if (this.#core.isReadOnly) throw this.#core.errorOf(FILE_FAULT.readOnly);
    return this.#rotations.begin(file, key, keyId, progress);
  }
}
