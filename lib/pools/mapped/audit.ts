// The log of what was done with a file and its keys: a line of JSON for each thing.

import { Buffer } from 'node:buffer';
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { geteuid } from 'node:process';
import { builtins, promiseThen } from '../../base/builtins.js';
import { makeError, type SuperslabError } from '../../base/errors.js';

/** What is logged. docs/FILES.md says what each means. */
export type AuditEvent =
  | 'open'
  | 'refuse'
  | 'key'
  | 'rotate'
  | 'rotated'
  | 'backup'
  | 'restore'
  | 'repair'
  | 'destroy';

export type AuditDetails = Readonly<Record<string, string | number | boolean>>;

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;
const NEW_LINE = 10;

function auditError(path: string, text: string, cause?: unknown): SuperslabError {
  const errno = (cause as { code?: string } | undefined)?.code ?? '';
  const said = errno === '' ? '' : ` (${errno})`;
  const options = cause === undefined ? undefined : { cause };
  return Object.assign(makeError('ERR_SUPERSLAB_FILE', `${path}: ${text}${said}`, Error, options), {
    path,
    errno,
  });
}

/** Why it is no file for a log; undefined if it is one. */
function refusal(fd: number): string | undefined {
  const stat = fstatSync(fd);
  if (!stat.isFile()) return 'it is a folder, pipe, socket or device, no regular file';
  if (stat.uid !== geteuid!()) return 'it belongs to another user than the one of this process';
  if ((stat.mode & 0o077) !== 0) return 'its permission bits let others in; "chmod 600" it';
  return undefined;
}

/** Whether the last line was cut off, so that the next one has to begin anew. */
function endsInMidst(fd: number): boolean {
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== NEW_LINE;
}

/**
 * Appends to a log, which others may append to as well: each line is one write. What cannot be written is thrown, so that nothing is done
 * that is not logged.
 */
export class AuditLog {
  readonly path: string;
  #fd: number;
  #isTorn: boolean;

  /**
   * `path`: absolute.
   * @throws ERR_SUPERSLAB_FILE for what is no regular file of this user alone, or cannot be made
   */
  constructor(path: string) {
    this.path = path;
    try {
      // Node.js adds O_CLOEXEC. Without O_NONBLOCK a pipe would have it wait.
      this.#fd = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    } catch (error) {
      throw auditError(path, 'the audit log cannot be opened', error);
    }
    const why = refusal(this.#fd);
    if (why !== undefined) {
      closeSync(this.#fd);
      throw auditError(path, `the audit log is refused: ${why}`);
    }
    this.#isTorn = endsInMidst(this.#fd);
  }

  /** Durable when this returns. `file`: which file it is about. */
  write(event: AuditEvent, file: string, details: AuditDetails = {}): void {
    const time = new Date(builtins.dateNow()).toISOString();
    const about = { time, event, path: file, pid: process.pid, uid: geteuid!(), ...details };
    const line = Buffer.from(`${this.#isTorn ? '\n' : ''}${JSON.stringify(about)}\n`, 'utf8');
    let written = 0;
    try {
      written = writeSync(this.#fd, line);
      if (written === line.length) fsyncSync(this.#fd);
    } catch (error) {
      throw auditError(this.path, `the audit log did not take "${event}"`, error);
    }
    this.#isTorn = written !== line.length;
    if (this.#isTorn)
      throw auditError(this.path, `the audit log took a part of "${event}" only: the disk is full`);
  }

  /**
   * Notes that `error` is thrown instead of what was asked for. What the log says to that is a warning, as the error has to be
   * thrown.
   */
  refuse(file: string, error: unknown): void {
    const { code = 'ERR_UNKNOWN' } = error as { code?: string };
    try {
      this.write('refuse', file, { code });
    } catch (failure) {
      process.emitWarning((failure as Error).message, {
        type: 'SuperslabWarning',
        code: 'SUPERSLAB_AUDIT',
      });
    }
  }

  /** What `work` does, whose failure is noted, now or later. */
  watching<Value>(file: string, work: () => Promise<Value>): Promise<Value> {
    const refuse = (error: unknown) => this.refuse(file, error);
    try {
      const promise = work();
      promiseThen(promise, () => {}, refuse);
      return promise;
    } catch (error) {
      refuse(error);
      throw error;
    }
  }

  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    closeSync(fd);
  }
}

/** Calls `work` with a log that is open until its promise is settled, and has what fails; without a path, with none. */
export function withAudit<Result>(
  path: string | undefined,
  file: string,
  work: (log: AuditLog | undefined) => Promise<Result>,
): Promise<Result> {
  if (path === undefined) return work(undefined);
  const log = new AuditLog(path);
  const close = () => log.close();
  try {
    const result = log.watching(file, () => work(log));
    promiseThen(result, close, close);
    return result;
  } catch (error) {
    close();
    throw error;
  }
}
