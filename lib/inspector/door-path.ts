// Where a process's socket lies. Server and command line both go by these lines.
import { lstatSync } from 'node:fs';
import path from 'node:path';

/**
 * The folder of a user's sockets: `$XDG_RUNTIME_DIR/superslab`, which belongs to the user and goes when they
 * log out, else one in /tmp.
 */
export function doorFolder(uid: number, runtimeFolder: string | undefined): string {
  return runtimeFolder !== undefined && path.isAbsolute(runtimeFolder)
    ? path.join(runtimeFolder, 'superslab')
    : `/tmp/superslab-${uid}`;
}

export const doorFile = (folder: string, pid: number): string => path.join(folder, `${pid}.sock`);

/** The process that a file of the folder belongs to; undefined for other files. */
export function pidOfDoor(name: string): number | undefined {
  const match = /^([1-9]\d*)\.sock$/.exec(name);
  return match === null ? undefined : Number(match[1]);
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
