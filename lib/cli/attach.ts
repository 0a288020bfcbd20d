// `--attach`: opens the socket of a process that did not open it itself. The way in is Node's debugging port,
// which SIGUSR1 opens; for as long as it is open, every program of this machine could come in by it. So it is
// the user who asks for this, nothing but one call is made through it, and it is closed at once. Whatever goes
// wrong after the signal, closing it is asked for first; where even that cannot be asked, the error says so.
import { get } from 'node:http';
import { CliError, EXIT } from './cli-error.js';
import { loopbackPorts, type ProcessFacts } from './proc.js';
import { WebSocketClient } from './websocket.js';

const LONGEST_WAIT_MS = 5000;
const LOOK_EVERY_MS = 20;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function cannotAttach({ pid, name }: ProcessFacts, why: string): CliError {
  return new CliError(
    'ERR_SUPERSLAB_UNREACHABLE',
    EXIT.cannotRun,
    `cannot attach to process ${pid} (${name}): ${why}; start it with SUPERSLAB_INSPECT=socket instead`,
  );
}

/** For the error, where the port could not be closed from here. */
const howToClose = ({ pid }: ProcessFacts, port: string) =>
  `${port}; to close it, have the process call require('node:inspector').close() (node inspect -p ${pid}), or restart it`;

/** The debugging port that the process opens when it is asked to. */
async function openDebugger(target: ProcessFacts): Promise<number> {
  const { pid } = target;
  const before = loopbackPorts(pid);
  // Sends SIGUSR1, as `node inspect -p` does.
  (process as unknown as { _debugProcess(pid: number): void })._debugProcess(pid);
  for (const end = performance.now() + LONGEST_WAIT_MS; performance.now() < end; await pause(LOOK_EVERY_MS)) {
    for (const port of loopbackPorts(pid)) if (!before.has(port)) return port;
  }
  throw cannotAttach(
    target,
    "it opened no debugging port after SIGUSR1 (it handles the signal itself, has a debugger already, Node's " +
      'port 9229 is taken, or its thread is stopped: ' +
      `${howToClose(target, 'then it may open one later')})`,
  );
}

function debuggerUrl(port: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const asking = get(
      { host: '127.0.0.1', port, path: '/json/list', timeout: LONGEST_WAIT_MS },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          try {
            const [first] = JSON.parse(Buffer.concat(parts).toString()) as {
              webSocketDebuggerUrl?: string;
            }[];
            resolve(first?.webSocketDebuggerUrl);
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    asking.on('timeout', () => asking.destroy(new Error('no answer')));
    asking.on('error', reject);
  });
}

interface Evaluated {
  readonly result?: { readonly result?: { readonly value?: unknown }; readonly exceptionDetails?: object };
  /** It could not be evaluated. */
  readonly error?: { readonly message: string };
}

/** Node 22 evaluates in the middle of what its thread does, and then gives promises up that it cannot wait for. */
const GIVEN_UP = 'Promise was collected';

const BUSY = 'its thread is busy';

/** One conversation with a debugging port. */
class Debugger {
  #next = 0;
  readonly #waiting = new Map<number, (answer: Evaluated) => void>();
  readonly #client: WebSocketClient;

  private constructor(connect: (onText: (text: string) => void) => WebSocketClient) {
    this.#client = connect((text) => this.#take(text));
  }

  static async connect(url: string): Promise<Debugger> {
    let take: (text: string) => void = () => {};
    const client = await WebSocketClient.connect(url, (text) => take(text));
    return new Debugger((onText) => {
      take = onText;
      return client;
    });
  }

  #take(text: string): void {
    const message = JSON.parse(text) as Evaluated & { id?: number };
    if (message.id === undefined) return;
    this.#waiting.get(message.id)?.(message);
    this.#waiting.delete(message.id);
  }

  /** Has an expression evaluated as soon as its thread is free, whether we are still there or not. */
  order(expression: string): void {
    const params = { expression, includeCommandLineAPI: true };
    this.#client.send(JSON.stringify({ id: ++this.#next, method: 'Runtime.evaluate', params }));
  }

  /** The value of an expression, or of the promise that it is. Rejects when it throws, or nobody answers. */
  evaluate(expression: string): Promise<unknown> {
    const id = ++this.#next;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(BUSY)), LONGEST_WAIT_MS);
      this.#client.onClose(() => reject(new Error('it closed the connection')));
      this.#waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        if (error !== undefined) reject(new Error(error.message === GIVEN_UP ? BUSY : error.message));
        else if (result?.exceptionDetails === undefined) resolve(result?.result?.value);
        else reject(new Error('its superslab threw an error'));
      });
      const params = { expression, awaitPromise: true, returnByValue: true, includeCommandLineAPI: true };
      this.#client.send(JSON.stringify({ id, method: 'Runtime.evaluate', params }));
    });
  }

  /** Resolves when the other side has closed as well. */
  close(): Promise<void> {
    return this.#client.close();
  }
}

const HOOK = "globalThis[Symbol.for('superslab.inspect')]";

/** Longer than a conversation can last: Node 20 can crash when its port is closed under a debugger. */
const CLOSE_IN_ANY_CASE_MS = LONGEST_WAIT_MS + 1000;
/** After we have gone. */
const CLOSE_SOON_MS = 1000;

/** An expression that has the process close its debugging port, after a time; closed twice is closed. */
const closeAfter = (pid: number, ms: number) =>
  `if (process.pid === ${pid}) setTimeout((inspector) => inspector.close(), ${ms}, require('node:inspector')).unref()`;

/** Has the process open its socket. What goes wrong is a CliError that says what to do. */
export async function attach(target: ProcessFacts): Promise<void> {
  // Without a handler the signal would end the process.
  if (!target.catchesSigusr1) {
    throw cannotAttach(target, 'it would be ended by SIGUSR1 (--disable-sigusr1, or no Node.js)');
  }
  const port = await openDebugger(target);
  let session: Debugger | undefined;
  try {
    const url = await debuggerUrl(port);
    if (url === undefined) throw new Error(`port ${port} is no debugging port`);
    session = await Debugger.connect(url);
    // Before anything that can fail, us included.
    session.order(closeAfter(target.pid, CLOSE_IN_ANY_CASE_MS));
    if ((await session.evaluate('process.pid')) !== target.pid) {
      throw new Error(`port ${port} belongs to another process`);
    }
    const path = await session.evaluate(`${HOOK}?.attach()`);
    if (path === undefined)
      throw new Error('superslab is loaded in a worker of it only, or in another version');
  } catch (error) {
    const { message } = error as Error;
    if (session === undefined) {
      throw cannotAttach(
        target,
        `${message}; ${howToClose(target, `its debugging port ${port} is open still`)}`,
      );
    }
    session.order(closeAfter(target.pid, CLOSE_SOON_MS));
    throw cannotAttach(target, message);
  } finally {
    await session?.close();
  }
}
