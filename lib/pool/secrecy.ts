import { readFileSync } from 'node:fs';
import type { NativePool } from '../addon/binding.js';
import { SECRECY } from '../addon/generated/codes.js';

function lockLimit(): string {
  try {
    const limit = /Max locked memory\s+(\S+)/.exec(readFileSync('/proc/self/limits', 'utf8'));
    return limit === null ? '' : ` (it is ${limit[1]} bytes)`;
  } catch {
    return '';
  }
}

function describe(refused: number): string {
  const parts: string[] = [];
  if ((refused & SECRECY.noDump) !== 0) parts.push('leave it out of core dumps');
  if ((refused & SECRECY.wipeOnFork) !== 0) parts.push('wipe it in forked children');
  if ((refused & SECRECY.locked) !== 0) {
    parts.push(`lock it: raise "ulimit -l"${lockLimit()}, or LimitMEMLOCK= of the systemd unit`);
  }
  return parts.join('; and to ');
}

/**
 * Looks whether the operating system kept the memory of a sensitive or locked pool as it was asked to. Memory is
 * handed out all the same: a server must not stop because it may lock 8 MiB only. Each kind of refusal is a
 * warning once a pool; `stats().secretFailures` counts them all.
 */
export class SecrecyWatch {
  readonly #pool: NativePool;
  readonly #name: string;
  #told = 0;

  /** undefined for a pool that asks for nothing of this. */
  static of(native: NativePool, name: string): SecrecyWatch | undefined {
    return native.sensitive || native.lockMemory ? new SecrecyWatch(native, name) : undefined;
  }

  private constructor(pool: NativePool, name: string) {
    this.#pool = pool;
    this.#name = name;
  }

  /** After memory may have been taken. */
  look(): void {
    const fresh = this.#pool.refusedSecrecy() & ~this.#told;
    if (fresh === 0) return;
    this.#told |= fresh;
    process.emitWarning(
      `memory of pool "${this.#name}" is less secret than asked for: the operating system refused to ${describe(fresh)}`,
      { type: 'SuperslabWarning', code: 'SUPERSLAB_SECRECY' },
    );
  }
}
