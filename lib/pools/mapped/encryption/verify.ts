import type { FileCheck, NativeFile } from '../../../addon/file-binding.js';
import { builtins } from '../../../base/builtins.js';
import type { SuperslabError } from '../../../base/errors.js';
import type { Vault } from './vault.js';

const MAX_MESSAGES = 32;

/** What is wrong with the file, and which of its blocks do not open. */
export function verifySealed(found: FileCheck, native: NativeFile, vault: Vault): FileCheck {
  const messages = [...found.messages];
  let changed = 0;
  const place = new builtins.Float64Array(4);
  while (native.next(place, false)) {
    const [handle, offset, sealed] = place as unknown as [number, number, number];
    try {
      vault.verify({ handle, offset, sealed });
    } catch (error) {
      const { code } = error as Partial<SuperslabError>;
      if (code === 'ERR_SUPERSLAB_STALE') continue;
      if (code !== 'ERR_SUPERSLAB_FILE_DAMAGED') throw error;
      changed++;
      if (messages.length < MAX_MESSAGES) messages.push(`block ${handle} was changed, or is another block's`);
    }
  }
  const damagedBlocks = found.damagedBlocks + changed;
  return { ...found, wrong: found.wrong + changed, damagedBlocks, messages };
}
