// A variant (superslab, one of its peers, the limit) runs in a process of its own, a lane: neither its
// garbage nor what the compiler learned from it touches the others. The parent gives one lane at a time a
// piece of work, so that a change of the machine's speed meets all of them.
import { type ChildProcess, fork } from 'node:child_process';

/** The parent's end of a lane. One call at a time. */
export class Lane<Request, Reply> {
  readonly name: string;
  readonly #process: ChildProcess;
  #failure: Error | undefined;
  #settle: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined;

  /** Starts `module`, which calls {@link serve}, with `args`. */
  constructor(
    name: string,
    module: URL | string,
    args: readonly string[] = [],
    execArgv: readonly string[] = [],
  ) {
    this.name = name;
    this.#process = fork(module, [...args], { execArgv: [...execArgv] });
    this.#process.on('message', (reply) => {
      const settle = this.#settle;
      this.#settle = undefined;
      settle?.resolve(reply as Reply);
    });
    this.#process.on('error', (error) => this.#fail(error));
    this.#process.on('exit', (code, signal) =>
      this.#fail(new Error(`the process that measures ${name} ended with ${signal ?? code}`)),
    );
  }

  call(request: Request): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#settle = { resolve, reject };
      this.#process.send(request as object);
    });
  }

  /**
   * Ends the process, which has told all it knows. By a signal: a Node process that ends by itself while V8 compiles its
   * loops may hang for ever (https://github.com/nodejs/node/issues/54918).
   */
  close(): void {
    this.#process.kill();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.reject(this.#failure);
  }
}

/** The lane's end: replies to each request. */
export function serve<Request, Reply>(reply: (request: Request) => Reply | Promise<Reply>): void {
  process.on('message', async (request: Request) => {
    process.send!(await reply(request));
  });
}

/** One request to a fresh process: for what only the first use of memory shows. */
export async function once<Request, Reply>(
  name: string,
  module: URL,
  request: Request,
  execArgv: readonly string[] = [],
): Promise<Reply> {
  const lane = new Lane<Request, Reply>(name, module, [], execArgv);
  try {
    return await lane.call(request);
  } finally {
    lane.close();
  }
}
