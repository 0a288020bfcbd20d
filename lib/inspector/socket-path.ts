// Where a process's socket lies. Server and command line both go by these lines.
import { lstatSync, readlinkSync } from 'node:fs';
import path from 'node:path';

/**
 * The folder of a user's sockets: `$XDG_RUNTIME_DIR/superslab`, which belongs to the user and goes when they
 * log out, else one in /tmp.
 */
export function socketFolder(uid: number, runtimeFolder: string | undefined): string {
  return runtimeFolder !== undefined && path.isAbsolute(runtimeFolder)
    ? path.join(runtimeFolder, 'superslab')
    : `/tmp/superslab-${uid}`;
}

/** A process, and the namespace in which that is its number: containers that share a folder have numbers of their own. */
export interface SocketName {
  readonly pid: number;
  /** Undefined where there is no /proc to tell. */
  readonly namespace: string | undefined;
}

/** The namespace that the process `pid` has its number in, as the kernel calls it. */
export function pidNamespace(pid: number | 'self'): string | undefined {
  try {
    return /^pid:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/ns/pid`))?.[1];
  } catch {
    return undefined;
  }
}

export const socketFile = (folder: string, { pid, namespace }: SocketName): string =>
  path.join(folder, `${pid}${namespace === undefined ? '' : `-${namespace}`}.sock`);

/** Whose a file of the folder is; undefined for other files. */
export function ownerOfSocket(name: string): SocketName | undefined {
  const match = /^([1-9]\d*)(?:-(\d+))?\.sock$/.exec(name);
  return match === null ? undefined : { pid: Number(match[1]), namespace: match[2] };
}

/**
 * Why a folder must not be used for sockets of `uid`; undefined when it may. In /tmp anybody may make a
 * folder of any name first, so who owns it counts and not what it is called. A link is not followed.
 */
export function folderFault(folder: string, uid: number): string | undefined {
  const stats = lstatSync(folder);
  if (stats.isSymbolicLink()) return 'is a link';
  if (!stats.isDirectory()) return 'is no folder';
  if (stats.uid !== uid) return `belongs to user ${stats.uid}, not to ${uid}`;
  if ((stats.mode & 0o077) !== 0) {
    return `lets other users in (mode ${(stats.mode & 0o777).toString(8)}); chmod 700 it`;
  }
  return undefined;
}
