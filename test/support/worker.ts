// Workers that do what a test tells them, in the test's own words.
import { Worker } from 'node:worker_threads';
import { noteReport } from './watching.js';

const program = new URL('../fixtures/worker.mjs', import.meta.url);

interface Reply {
  readonly id: number;
  /** Instead of the rest: what leak detection or a guard reports in the worker. */
  readonly report?: string;
  readonly value?: unknown;
  readonly error?: { message: string; code?: string };
}

export class TestWorker {
  readonly thread: Worker;
  readonly ended: Promise<number>;
  readonly errors: unknown[] = [];
  readonly #calls = new Map<number, { resolve(value: any): void; reject(error: unknown): void }>();
  #next = 0;
  #over = false;

  constructor() {
    this.thread = new Worker(program);
    this.thread.on('message', (reply: Reply) => {
      if (reply.report !== undefined) noteReport(reply.report, 'a worker');
      const call = this.#calls.get(reply.id);
      if (call === undefined) return;
      this.#calls.delete(reply.id);
      if (reply.error === undefined) call.resolve(reply.value);
      else call.reject(Object.assign(new Error(reply.error.message), { code: reply.error.code }));
    });
    this.thread.on('error', (error) => this.errors.push(error));
    this.ended = new Promise((resolve) => {
      this.thread.once('exit', (code) => {
        this.#over = true;
        for (const call of this.#calls.values()) call.reject(new Error(`worker ended with code ${code}`));
        resolve(code);
      });
    });
  }

  /**
   * Runs the body of an asynchronous function in the worker. It sees `superslab` (the module), `state`
   * (an object that lasts as long as the worker), `argument` and `parentPort`.
   */
  run(body: string, argument?: unknown): Promise<any> {
    if (this.#over) return Promise.reject(new Error('the worker has ended'));
    const id = this.#next++;
    const reply = new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
    this.thread.postMessage({ id, body, argument });
    return reply;
  }

  /** The same without an answer, for what never ends. */
  start(body: string, argument?: unknown): void {
    this.run(body, argument).catch(() => {});
  }

  async terminate(): Promise<void> {
    await this.thread.terminate();
    await this.ended;
  }
}

const started: TestWorker[] = [];

/** A worker that has loaded superslab. */
export async function startWorker(): Promise<TestWorker> {
  const worker = new TestWorker();
  started.push(worker);
  await worker.run('');
  return worker;
}

/** For afterEach(). */
export async function endWorkers(): Promise<void> {
  await Promise.all(started.splice(0).map((worker) => worker.terminate()));
}
