// The process that a command is about: by its number, through its socket, or by the URL of its inspector.
import { lstatSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import path from 'node:path';
import { printable } from '../base/text.js';
import { folderFault, pidNamespace, socketFile, socketFolder } from '../inspector/socket-path.js';
import type { Hello } from '../inspector/types.js';
import { attach } from './attach.js';
import { CliError, type CliErrorCode, EXIT, usageError } from './cli-error.js';
import { type ProcessFacts, readProcess, sharesFiles, startVariable, useOfSuperslab } from './proc.js';

/** A process responds in a millisecond unless its thread is at something else. */
const MAX_WAIT_MS = 5000;

export interface ServerEvent {
  readonly event: string;
  /** JSON, or base64 for `map`. */
  readonly data: string;
}

/** What a command asks for figures. */
export interface Target {
  readonly kind: 'socket' | 'url';
  /** For headings: `process 4711 (node server.js)`. */
  readonly title: string;
  /** What the inspector said when it was found. */
  readonly hello: Hello;
  /** `path` as in lib/inspector/types.ts: 'stats.json'. */
  getJson<T>(path: string): Promise<T>;
  getText(path: string): Promise<string>;
  /** The response once it begins, for who hands it on. Rejects with a CliError. */
  open(path: string, signal?: AbortSignal): Promise<IncomingMessage>;
  /** Ends when the process does, or with the signal. */
  events(signal?: AbortSignal): AsyncIterable<ServerEvent>;
}

const failure = (code: CliErrorCode, exitCode: number, message: string) =>
  new CliError(code, exitCode, message);

const unreachable = (message: string) => failure('ERR_SUPERSLAB_UNREACHABLE', EXIT.cannotRun, message);

/** Splits a stream of server-sent events. */
export async function* readEvents(stream: AsyncIterable<Buffer | string>): AsyncIterable<ServerEvent> {
  const decoder = new TextDecoder();
  let left = '';
  for await (const part of stream) {
    left += typeof part === 'string' ? part : decoder.decode(part, { stream: true });
    const events = left.split('\n\n');
    left = events.pop()!;
    for (const text of events) {
      const field = (name: string) =>
        text
          .split('\n')
          .filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).replace(/^ /, ''))
          .join('\n');
      if (text.includes('data:')) yield { event: field('event') || 'message', data: field('data') };
    }
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

/** How a target is spoken to, over whatever it is reached by. */
class HttpTarget implements Target {
  hello!: Hello;

  constructor(
    readonly kind: Target['kind'],
    private readonly name: string,
    private readonly options: RequestOptions,
    private readonly base: string,
  ) {}

  get title(): string {
    const { pid, title, script } = this.hello;
    // Node.js calls itself by the path it was started with.
    const name = path.isAbsolute(title) ? path.basename(title) : title;
    return printable(`process ${pid} (${script === '' ? name : `${name} ${script}`})`);
  }

  open(path: string, signal?: AbortSignal): Promise<IncomingMessage> {
    const send = this.options.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const asking = send({
        ...this.options,
        agent: false,
        path: this.base + path,
        ...(signal === undefined ? {} : { signal }),
      });
      const timer = setTimeout(
        () =>
          asking.destroy(
            new Error(`no answer within ${MAX_WAIT_MS / 1000} s: its thread is busy or stopped`),
          ),
        MAX_WAIT_MS,
      );
      asking.on('response', (response) => {
        clearTimeout(timer);
        const fault = this.#fault(response.statusCode ?? 0, path);
        if (fault === undefined) {
          resolve(response);
          return;
        }
        response.resume();
        reject(fault);
      });
      asking.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        reject(error.name === 'AbortError' ? error : connectionError(this.name, error));
      });
      asking.end();
    });
  }

  #fault(status: number, path: string): CliError | undefined {
    if (status === 200) return undefined;
    if (status === 401) {
      return unreachable(
        `${this.name} does not know this token; copy the whole URL that the program printed`,
      );
    }
    if (status === 403)
      return unreachable(`${this.name} answers its own machine only; run the command there`);
    return failure(
      'ERR_SUPERSLAB_NOT_USED',
      EXIT.cannotRun,
      `${this.name} answers ${status} to ${path}: it is no inspector of superslab, or of another version`,
    );
  }

  async getText(path: string): Promise<string> {
    return textOf(await this.open(path));
  }

  async getJson<T>(path: string): Promise<T> {
    const text = await this.getText(path);
    try {
      return JSON.parse(text) as T;
    } catch {
      throw failure('ERR_SUPERSLAB_NOT_USED', EXIT.cannotRun, `${this.name} is no inspector of superslab`);
    }
  }

  async *events(signal?: AbortSignal): AsyncIterable<ServerEvent> {
    const response = await this.open('events', signal);
    try {
      yield* readEvents(response);
    } catch (error) {
      const { code, name } = error as NodeJS.ErrnoException;
      // The process ended, or the caller.
      if (code !== 'ECONNRESET' && name !== 'AbortError') throw error;
    } finally {
      response.destroy();
    }
  }
}

function connectionError(name: string, error: NodeJS.ErrnoException): CliError {
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return failure('ERR_SUPERSLAB_PERMISSION', EXIT.noPermission, `${name} lets this user not in`);
  }
  if (error.code === 'ECONNREFUSED') {
    return unreachable(`nobody listens at ${name}; has the program ended, or its inspector been closed?`);
  }
  return unreachable(`${name}: ${error.message}`);
}

async function greet(target: HttpTarget, name: string): Promise<Target> {
  const hello = await target.getJson<Partial<Hello>>('hello.json');
  if (typeof hello.pid !== 'number' || typeof hello.format !== 'number') {
    throw failure('ERR_SUPERSLAB_NOT_USED', EXIT.cannotRun, `${name} is no inspector of superslab`);
  }
  if (hello.format !== 1) {
    throw unreachable(
      `${name} is of superslab ${hello.version}, which this one does not understand; use its own`,
    );
  }
  target.hello = hello as Hello;
  return target;
}

function targetOfUrl(text: string): Promise<Target> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw usageError(
      `${JSON.stringify(text)} is neither a process's number nor a URL such as http://127.0.0.1:9300/TOKEN/`,
    );
  }
  const { protocol, hostname, port, pathname } = url;
  const token = url.searchParams.get('token');
  const options = {
    protocol,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port,
    headers: token === null ? {} : { Authorization: `Bearer ${token}` },
  };
  // Without the token, which is nobody's business.
  const name = url.origin;
  return greet(
    new HttpTarget('url', name, options, pathname.endsWith('/') ? pathname : `${pathname}/`),
    name,
  );
}

/** The sockets that the process may have, the likeliest first. */
function socketsOf({ pid, uid }: ProcessFacts): string[] {
  const own = process.getuid?.() === uid ? process.env.XDG_RUNTIME_DIR : undefined;
  const folders = [startVariable(pid, 'XDG_RUNTIME_DIR'), own, `/run/user/${uid}`, undefined];
  const name = { pid, namespace: pidNamespace(pid) ?? pidNamespace('self') };
  return [...new Set(folders.map((folder) => socketFile(socketFolder(uid, folder), name)))];
}

/** The socket at which somebody of the right user listens; undefined when there is none. */
async function findSocket(process: ProcessFacts): Promise<Target | undefined> {
  for (const file of socketsOf(process)) {
    let isTrusted: boolean;
    try {
      const stats = lstatSync(file);
      isTrusted = stats.isSocket() && stats.uid === process.uid;
      // What another user may write to may be another user's.
      isTrusted &&= folderFault(file.slice(0, file.lastIndexOf('/')), process.uid) === undefined;
    } catch {
      continue;
    }
    if (!isTrusted) continue;
    const name = `process ${process.pid} (${process.name})`;
    try {
      const target = await greet(new HttpTarget('socket', name, { socketPath: file }, '/'), name);
      // In a folder that several containers share the number alone says little.
      if (target.hello.pid === process.pid) return target;
    } catch (error) {
      // The socket of a dead process that had the same number.
      if (!(error instanceof CliError) || !/nobody listens/.test(error.message)) throw error;
    }
  }
  return undefined;
}

function describeNoSocket(process: ProcessFacts): string {
  const { pid, name } = process;
  const where = sharesFiles(pid)
    ? ''
    : ` It runs in a container of its own: run superslab inside of it, where ${socketsOf(process).at(-1)} would be.`;
  return (
    `process ${pid} (${name}) uses superslab and has no socket open.${where} Start it with SUPERSLAB_INSPECT=socket, ` +
    'or call startInspector() of superslab/inspector in it, or add --attach, which opens a debugging port in it for a ' +
    'moment'
  );
}

async function targetOfPid(pid: number, options: TargetOptions): Promise<Target> {
  const found = readProcess(pid);
  if (found === undefined) {
    throw failure(
      'ERR_SUPERSLAB_NO_PROCESS',
      EXIT.notFound,
      `no process ${pid}${process.platform === 'linux' ? '' : ' that can be looked into: there is no /proc here'}`,
    );
  }
  const { name, uid } = found;
  const ours = process.getuid?.();
  if (ours !== 0 && ours !== uid) {
    throw failure(
      'ERR_SUPERSLAB_PERMISSION',
      EXIT.noPermission,
      `process ${pid} (${name}) belongs to user ${uid}; run the command as that user: sudo -u '#${uid}' superslab ...`,
    );
  }
  const socket = await findSocket(found);
  if (socket !== undefined) return socket;

  const use = useOfSuperslab(pid);
  if (use === 'none') {
    throw failure(
      'ERR_SUPERSLAB_NOT_USED',
      EXIT.cannotRun,
      `process ${pid} (${name}) does not use superslab`,
    );
  }
  if (use === 'malloc') {
    throw failure(
      'ERR_SUPERSLAB_NOT_USED',
      EXIT.cannotRun,
      `process ${pid} (${name}) uses superslab as its malloc only, which tells its figures when it ends: ` +
        'start it with SUPERSLAB_STATS=1',
    );
  }
  if (use === 'unknown') {
    throw failure(
      'ERR_SUPERSLAB_PERMISSION',
      EXIT.noPermission,
      `process ${pid} (${name}) lets nobody look into it (/proc/${pid}/maps); ${
        process.getuid?.() === 0
          ? "root may where it has CAP_SYS_PTRACE in the process's user namespace: containers are started without"
          : 'run the command as its user or root'
      }`,
    );
  }
  if (options.attach !== true) throw unreachable(describeNoSocket(found));
  await attach(found);
  const opened = await findSocket(found);
  if (opened === undefined) throw unreachable(describeNoSocket(found));
  return opened;
}

export interface TargetOptions {
  /** Open a process that has not opened its socket: see lib/cli/attach.ts. */
  readonly attach?: boolean;
}

/**
 * The process that `text` names: its number, or its inspector's URL. Throws a CliError for each way in which
 * that can fail: no such process (127), one of another user (77), without superslab or without a way in (126),
 * no number and no URL (64).
 */
export async function resolveTarget(text: string, options: TargetOptions = {}): Promise<Target> {
  return /^\d+$/.test(text) ? targetOfPid(Number(text), options) : targetOfUrl(text);
}
