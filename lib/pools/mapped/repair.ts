import { environment } from '../../addon/environment.js';
import type { FileRepair } from '../../addon/file-binding.js';
import { fileError } from './errors.js';

/**
 * Mends the file of a MappedPool that nobody has open: what checksums can tell exactly, and else the books from what is left of them.
 * Blocks stay as they are. `copy`: where the damaged file is kept; empty for nowhere. Both are absolute.
 * @throws ERR_SUPERSLAB_FILE, ERR_SUPERSLAB_FILE_IN_USE, ERR_SUPERSLAB_FILE_FORMAT, and ERR_SUPERSLAB_FILE_DAMAGED when it is beyond
 * repair
 */
export function repairFile(path: string, copy: string): FileRepair {
  const done = environment.repairFile(path, copy);
  if ('isWhole' in done) return done;
  const isOfCopy = done.what === 'copy';
  throw fileError(done, { path: isOfCopy ? copy : path, name: path, mode: 0o777, maxBytes: 0 });
}
