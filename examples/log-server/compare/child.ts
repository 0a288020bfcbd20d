import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A process of our own that speaks over IPC: its messages are of type `Reply`, each with a `type`. */
export class Child<Reply extends { type: string }> {
  readonly #process: ChildProcess;
  readonly #name: string;
  readonly #waiting: { type: string; resolve: (reply: never) => void; reject: (error: Error) => void }[] = [];
  readonly #early: Reply[] = [];
  #exited: Error | undefined;

  /** Starts a module of this directory's neighbours, `server/process.js` for instance. */
  constructor(name: string, module: string, job: unknown) {
    this.#name = name;
    const path = fileURLToPath(new URL(`../${module}`, import.meta.url));
    this.#process = fork(path, [JSON.stringify(job)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#process.on('message', (reply: Reply) => this.#receive(reply));
    this.#process.on('exit', (code, signal) => this.#end(new Error(`the ${name} ended (${signal ?? code})`)));
    this.#process.on('error', (error) => this.#end(error));
  }

  /** The next message of a type. Rejects when the process fails or ends without one. */
  next<Type extends Reply['type']>(type: Type): Promise<Extract<Reply, { type: Type }>> {
    const index = this.#early.findIndex((reply) => reply.type === type);
    if (index >= 0) return Promise.resolve(this.#early.splice(index, 1)[0] as Extract<Reply, { type: Type }>);
    if (this.#exited !== undefined) return Promise.reject(this.#exited);
    return new Promise((resolve, reject) => this.#waiting.push({ type, resolve, reject }));
  }

  send(request: object): void {
    this.#process.send(request);
  }

  /** Resolved when it has ended. */
  async kill(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null || this.#process.pid === undefined) return;
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
  }

  #receive(reply: Reply): void {
    if (reply.type === 'failed') {
      this.#end(new Error((reply as unknown as { message: string }).message));
      return;
    }
    const index = this.#waiting.findIndex(({ type }) => type === reply.type);
    if (index >= 0) this.#waiting.splice(index, 1)[0]!.resolve(reply as never);
    else this.#early.push(reply);
  }

  #end(error: Error): void {
    this.#exited ??= new Error(`${this.#name}: ${error.message}`);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#exited);
  }
}
