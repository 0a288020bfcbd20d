import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLines } from '../feed/log-lines.js';
import type { MemoryKind } from '../memory/memory.js';
import type { LogServerOptions, ServerStatus } from '../server/log-server.js';
import { monotonicMs } from '../server/monotonic.js';
import type { ServerJob, ServerReply } from '../server/protocol.js';
import { MAX_FRAME_HEADER, writeFrameHeader } from '../syslog/frame.js';
import { Child } from './child.js';

/** Lines that a server has when it is killed. */
const LINES = 200_000;
const TAIL = '/tail?count=1000';

/** Starts a server on one kind of memory, feeds it, kills it and starts it again. */
export class Restart {
  readonly #memory: MemoryKind;
  readonly #options: LogServerOptions;

  static async run(
    memory: MemoryKind,
    scratch: string,
    server: Omit<LogServerOptions, 'archive'>,
    log: LogLines,
  ): Promise<number> {
    const archive = await mkdtemp(join(scratch, `restart-${memory}-`));
    try {
      return await new Restart(memory, { ...server, archive }).#measure(log);
    } finally {
      await rm(archive, { recursive: true, force: true });
    }
  }

  private constructor(memory: MemoryKind, options: LogServerOptions) {
    this.#memory = memory;
    this.#options = options;
  }

  /** Milliseconds from the first line of the server's module to the answer of /tail, which has to be that of before. */
  async #measure(log: LogLines): Promise<number> {
    const first = await this.#start();
    let before: string;
    try {
      await feed(first.ready, log);
      before = await get(first.ready, TAIL);
    } finally {
      await first.child.kill();
    }
    const again = await this.#start();
    try {
      const after = await get(again.ready, TAIL);
      const ms = monotonicMs() - again.ready.startedAt;
      if (texts(after) !== texts(before))
        throw new Error(`the ${this.#memory} server does not have after a kill what it had before`);
      return ms;
    } finally {
      await again.child.kill();
    }
  }

  async #start() {
    const job: ServerJob = { memory: this.#memory, options: this.#options, remembers: true };
    const child = new Child<ServerReply>(`${this.#memory} server`, 'server/process.js', job);
    try {
      return { child, ready: await child.next('ready') };
    } catch (error) {
      await child.kill();
      throw error;
    }
  }
}

type Ready = Extract<ServerReply, { type: 'ready' }>;

async function get({ httpPort }: Ready, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${httpPort}${path}`)).text();
}

/** Of all entries in order: those that were read again have come at another time. */
function texts(tail: string): string {
  return JSON.stringify((JSON.parse(tail) as { text: string }[]).map(({ text }) => text));
}

/** Sends lines, and waits until they are archived. */
async function feed(ready: Ready, log: LogLines): Promise<void> {
  const socket = connect(ready.tcpPort, '127.0.0.1');
  let lines = 0;
  for (; lines < LINES; lines++) {
    const line = log.line(lines % log.length);
    const frame = Buffer.allocUnsafe(MAX_FRAME_HEADER + line.length);
    const body = writeFrameHeader(frame, 0, line.length);
    const end = body + line.copy(frame, body);
    if (!socket.write(frame.subarray(0, end))) await new Promise((resolve) => socket.once('drain', resolve));
  }
  await new Promise<void>((resolve) => socket.end(resolve));
  for (;;) {
    const status = JSON.parse(await get(ready, '/status')) as ServerStatus;
    if (status.messages === lines && status.archivedBytes === status.receivedBytes) return;
    await sleep(20);
  }
}
