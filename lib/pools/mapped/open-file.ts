import { check } from '../../addon/binding.js';
import { now } from '../../addon/clock.js';
import { environment } from '../../addon/environment.js';
import { FILE_COUNT } from '../../addon/generated/memory.js';
import { makeError } from '../../base/errors.js';
import { begin, giveUp } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import { tellRefusal } from '../file-messages.js';
import { OpeningPool } from '../opening-pool.js';
import { optionPairs } from '../pool-options.js';
import { AuditLog } from './audit.js';
import { MappedCore } from './core.js';
import { KeySource } from './encryption/key-source.js';
import { fileError } from './errors.js';
import { MappedFile } from './mapped-file.js';
import { checkPath, featureCode, type MappedPoolOptions, nameOf, syncLevel } from './options.js';

const DEFAULT_LOCK_TIMEOUT_MS = 5000;

/** The file, or what is thrown when it cannot be opened. */
function openNative(path: string, name: string, options: MappedPoolOptions, isKeyless: boolean) {
  const { mode = 0o600, sync = 'data', access = 'write', recover = true } = options;
  const { checksums, sensitive } = options;
  const encrypted = isKeyless ? 0 : featureCode(options.key !== undefined);
  const { shared: shares = false, lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS } = options;
  const { size = 0, maxBytes = 0, growBy = 0 } = options;
  const reads = access === 'read';
  const given = {
    ...{ path, size, maxBytes, growBy, mode, reads },
    ...{ sync: syncLevel(sync), recovers: recover },
    ...{ checksums: featureCode(checksums), sensitive: featureCode(sensitive) },
    ...{ encrypted, shares, lockTimeoutMs },
  };
  const native = environment.openFile(given);
  if (native === undefined) throw makeError('ERR_SUPERSLAB_CLOSED', 'the thread ends');
  if ('fault' in native) throw fileError(native, { path, name, mode, maxBytes: 0, lockTimeoutMs });
  return native;
}

function tellOpening({ teller, counts }: MappedCore, durationNs: number): void {
  teller.deliver();
  teller.tell('open', { durationNs, bytes: counts[FILE_COUNT.fileBytes]! });
  teller.listen();
}

/**
 * Opens the file, and a pool of the native side whose heap will hold nothing: by that figures, signals and the end of the thread
 * know it.
 * `isKeyless`: an encrypted file is opened as it lies there, and its blocks are sealed.
 * @returns also an entry that the caller finishes when somebody has the pool
 */
export function openFile(
  path: string,
  options: MappedPoolOptions,
  isKeyless = false,
): { file: MappedFile; opening: OpeningPool } {
  const { mode = 0o600, sync = 'data', access = 'write', leakDetection } = options;
  const name = nameOf(path, options);
  scheduleUpkeep();
  const opening = begin(new OpeningPool());
  let audit: AuditLog | undefined;
  try {
    if (options.audit !== undefined) audit = new AuditLog(checkPath(options.audit));
    opening.opened = environment.openPool(optionPairs({ leakDetection }), name);
    const pool = check(opening.opened);
    const start = now();
    const native = openNative(path, name, options, isKeyless);
    const durationNs = Math.round((now() - start) * 1e6);
    const { shared: isShared = false, lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS } = options;
    const facts = { mode, isReadOnly: access === 'read', isShared, lockTimeoutMs };
    const core = new MappedCore(name, path, pool, native, facts);
    const file = new MappedFile(path, core, syncLevel(sync));
    core.audit = audit;
    if (options.key !== undefined) file.decrypt(new KeySource(path, options.key), options.keyId ?? '1');
    audit?.write('open', path, { access, encrypted: native.isEncrypted() });
    tellOpening(core, durationNs);
    return { file, opening };
  } catch (error) {
    audit?.refuse(path, error);
    giveUp(opening);
    audit?.close();
    tellRefusal(name, path, error);
    throw error;
  }
}
