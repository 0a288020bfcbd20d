/** What the command line says beyond the codes of lib/base/errors.ts. They are part of the interface. */
export type CliErrorCode =
  /** A command line that makes no sense: an unknown command, an option without a value, no program. */
  | 'ERR_SUPERSLAB_USAGE'
  /** A knob that does not exist or has an impossible value, as an option or in the environment. */
  | 'ERR_SUPERSLAB_ENV'
  /** The policy file cannot be used or written. */
  | 'ERR_SUPERSLAB_POLICY'
  /** The trace cannot be read or written, or is none. */
  | 'ERR_SUPERSLAB_TRACE'
  /** There is no libsuperslab.so for this platform, or none that can be preloaded. */
  | 'ERR_SUPERSLAB_LIBRARY'
  /** There is no such program. */
  | 'ERR_SUPERSLAB_NOT_FOUND'
  /** The program is there and cannot be executed. */
  | 'ERR_SUPERSLAB_NOT_EXECUTABLE'
  /** The program is statically linked: no loader, no preload. */
  | 'ERR_SUPERSLAB_STATIC'
  /** The program changes the user or group: the loader ignores preloads then. */
  | 'ERR_SUPERSLAB_SETUID'
  /** The program is for another processor. */
  | 'ERR_SUPERSLAB_ARCH'
  /** The program uses another C library than glibc. */
  | 'ERR_SUPERSLAB_LIBC'
  /** There is no process of this number. */
  | 'ERR_SUPERSLAB_NO_PROCESS'
  /** The process, or what answers at the URL, has no superslab in it. */
  | 'ERR_SUPERSLAB_NOT_USED'
  /** It has, and lets nobody in; the message says how it would. */
  | 'ERR_SUPERSLAB_UNREACHABLE'
  /** It belongs to another user. */
  | 'ERR_SUPERSLAB_PERMISSION'
  /** The port to serve the page on is taken. */
  | 'ERR_SUPERSLAB_PORT';

/** As sysexits.h and the shells have them; docs/COMMAND-LINE.md says which command ends with which. */
export const EXIT = {
  done: 0,
  /** Something was found that wants attention: `doctor`, `report`, `check`. */
  found: 1,
  usage: 64,
  unavailable: 69,
  internal: 70,
  noPermission: 77,
  cannotRun: 126,
  notFound: 127,
} as const;

/** What ends a command with a message. It begins with the code, for scripts that read it. */
export class CliError extends Error {
  readonly code: string;
  readonly exitCode: number;

  constructor(code: CliErrorCode, exitCode: number, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
    this.exitCode = exitCode;
  }
}

export const usageError = (message: string): CliError =>
  new CliError('ERR_SUPERSLAB_USAGE', EXIT.usage, message);
