import { chmodSync, lstatSync, mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { builtins } from '../base/builtins.js';
import { makeError } from '../base/errors.js';
import { close, listen, makeServer } from './http.js';
import { respond } from './routes.js';
import {
  folderFault,
  ownerOfSocket,
  pidNamespace,
  type SocketName,
  socketFile,
  socketFolder,
} from './socket-path.js';

/** Socket files of dead processes that one process clears away. */
const MAX_STALE = 100;

const socketError = (message: string, cause?: unknown) =>
  makeError('ERR_SUPERSLAB_SOCKET', message, Error, { cause });

/** A socket by which programs of the same user look into this process: the page's addresses, without a token. */
export interface ProcessSocket {
  readonly path: string;
  /** Calls `listener` at the next request. */
  onFirstRequest(listener: () => void): void;
  close(): Promise<void>;
}

/** Whether somebody listens: 'refused' is left by a process that is gone. */
function knock(file: string): Promise<'open' | 'refused' | 'none'> {
  return new Promise((resolve) => {
    const socket = connect({ path: file });
    const end = (result: 'open' | 'refused' | 'none') => {
      socket.destroy();
      resolve(result);
    };
    socket.on('connect', () => end('open'));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      end(error.code === 'ECONNREFUSED' ? 'refused' : error.code === 'ENOENT' ? 'none' : 'open');
    });
  });
}

function removeSocket(file: string): void {
  try {
    if (lstatSync(file).isSocket()) unlinkSync(file);
  } catch {
    // Somebody else was faster.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Between making a socket's file and listening nobody listens there. */
const MAX_START_MS = 60_000;

/** Whether a socket's file may be left over: nobody of our container has its number, or it is of another one. */
function mayBeStale(folder: string, name: string, namespace: string | undefined): boolean {
  const owner = ownerOfSocket(name);
  if (owner === undefined) return false;
  if (owner.namespace === namespace) return !isAlive(owner.pid);
  try {
    return builtins.dateNow() - lstatSync(path.join(folder, name)).mtimeMs > MAX_START_MS;
  } catch {
    return false;
  }
}

/** Processes that were killed leave their sockets behind. */
async function sweep(folder: string, { namespace }: SocketName): Promise<void> {
  const stale = readdirSync(folder).filter((name) => mayBeStale(folder, name, namespace));
  for (const name of stale.slice(0, MAX_STALE)) {
    const file = path.join(folder, name);
    if ((await knock(file)) === 'refused') removeSocket(file);
  }
}

function prepareFolder(folder: string, uid: number): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw socketError(
        `cannot make ${folder}: ${(error as Error).message}; set XDG_RUNTIME_DIR to a folder of this user`,
        error,
      );
    }
  }
  const fault = folderFault(folder, uid);
  if (fault !== undefined) {
    throw socketError(`${folder} ${fault}; remove it, or set XDG_RUNTIME_DIR to a folder of this user`);
  }
}

async function open(): Promise<ProcessSocket | undefined> {
  const uid = process.getuid?.();
  if (uid === undefined) throw socketError(`there are no Unix sockets on ${process.platform}`);
  const folder = socketFolder(uid, process.env.XDG_RUNTIME_DIR);
  prepareFolder(folder, uid);
  const name = { pid: process.pid, namespace: pidNamespace('self') };
  const file = socketFile(folder, name);
  const found = await knock(file);
  // Another thread of this process has it.
  if (found === 'open') return undefined;
  if (found === 'refused') removeSocket(file);
  await sweep(folder, name);

  const server = makeServer((request, response) => {
    const route = (request.url ?? '/').split('?', 1)[0]!;
    respond(request, response, route);
    return true;
  });
  try {
    await listen(server, { path: file });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') return undefined; // another thread was faster
    throw socketError(`cannot listen on ${file}: ${message}; set XDG_RUNTIME_DIR to another folder`, error);
  }
  // The folder keeps others out already, also in the moment before this.
  chmodSync(file, 0o600);
  const atExit = () => removeSocket(file);
  process.on('exit', atExit);
  let closing: Promise<void> | undefined;
  return {
    path: file,
    onFirstRequest: (listener) => server.once('request', listener),
    close: () => {
      process.off('exit', atExit);
      closing ??= close(server); // removes the file, too
      return closing;
    },
  };
}

let opening: Promise<ProcessSocket | undefined> | undefined;

/**
 * Opens the socket of this process; undefined when another thread has it open. A second call returns what the
 * first did.
 * @throws ERR_SUPERSLAB_SOCKET where there can be none
 */
export function openProcessSocket(): Promise<ProcessSocket | undefined> {
  opening ??= open().catch((error: unknown) => {
    opening = undefined; // what was wrong may have been put right
    throw error;
  });
  return opening;
}

/** Closes it, until somebody opens it again. */
export async function closeProcessSocket(): Promise<void> {
  const socket = await opening?.catch(() => undefined);
  opening = undefined;
  await socket?.close();
}

/** The same for who can do without: says why it did not work, and goes on. */
export async function tryOpenProcessSocket(): Promise<ProcessSocket | undefined> {
  try {
    return await openProcessSocket();
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    process.emitWarning(
      `${message} (so "superslab stats" and "superslab inspect" cannot look into this process)`,
      {
        type: 'SuperslabInspector',
        ...(code === undefined ? {} : { code }),
      },
    );
    return undefined;
  }
}
