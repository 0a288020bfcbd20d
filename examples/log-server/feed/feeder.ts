import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../server/monotonic.js';
import { Latencies, type Mark } from './latency.js';
import type { LogLines } from './log-lines.js';
import { ProgressFollower } from './progress-follower.js';
import type { Sender } from './sender.js';
import { TcpSender } from './tcp-sender.js';
import { UdpSender } from './udp-sender.js';
import type { Workload } from './workload.js';

/** When nothing arrives for so long, nothing more will. */
const STALL_MS = 5000;

export interface FeedTarget {
  tcpPort: number;
  udpPort: number;
  httpPort: number;
}

export interface FloodResult {
  lines: number;
  /** From the first byte sent to the last byte archived. */
  ms: number;
  linesPerSecond: number;
}

/** The latencies that half, 99 % and 99.9 % of lines stayed within, in milliseconds. */
export interface LatencyResult {
  p50: number;
  p99: number;
  p999: number;
}

/** Sends a workload to a server over real sockets and learns from the server when it was archived. */
export class Feeder {
  readonly #progress: ProgressFollower;
  readonly #senders: Sender[];
  readonly #passLength: number;
  readonly #latencies = new Latencies();

  static async connect(target: FeedTarget, log: LogLines, workload: Workload): Promise<Feeder> {
    const progress = await ProgressFollower.connect(target.httpPort);
    const senders: Sender[] = await Promise.all(
      workload.tcp.map((stream) => TcpSender.connect(target.tcpPort, stream)),
    );
    if (workload.udp.length > 0) {
      senders.push(await UdpSender.open(target.udpPort, log, workload.udp, progress.source('udp')));
    }
    return new Feeder(progress, senders, workload.lines);
  }

  private constructor(progress: ProgressFollower, senders: Sender[], passLength: number) {
    this.#progress = progress;
    this.#senders = senders;
    this.#passLength = passLength;
  }

  /** Lines sent over each socket: the TCP connections in the workload's order, then UDP. */
  get sent(): number[] {
    return this.#senders.map(({ sent }) => sent);
  }

  /** Sends whole passes as fast as the server takes them. */
  async flood(passes: number): Promise<FloodResult> {
    const start = monotonicMs();
    for (const sender of this.#senders) sender.flood(sender.passLength * passes);
    const end = await this.#arrival();
    const lines = this.#passLength * passes;
    return { lines, ms: end - start, linesPerSecond: (lines / (end - start)) * 1000 };
  }

  /** Sends at a steady rate, each millisecond what is due by then. How long lines take is added to `latency`. */
  async paced(linesPerSecond: number, seconds: number): Promise<void> {
    const marks = this.#senders.map((): Mark[] => []);
    for (const { source } of this.#senders) this.#progress.source(source).history = [];
    const before = this.sent;
    const start = monotonicMs();
    for (let elapsed = 0; elapsed < seconds * 1000; ) {
      await sleep(1);
      elapsed = monotonicMs() - start;
      this.#senders.forEach((sender, index) => {
        const share = sender.passLength / this.#passLength;
        const due = Math.floor((elapsed / 1000) * linesPerSecond * share);
        const lines = before[index]! + due - sender.sent;
        if (lines <= 0) return;
        marks[index]!.push({ messages: sender.sent + lines, lines, at: monotonicMs() });
        sender.send(lines);
      });
    }
    await this.#arrival();
    this.#senders.forEach(({ source }, index) => {
      const progress = this.#progress.source(source);
      this.#latencies.add(marks[index]!, progress.history!);
      progress.history = undefined;
    });
  }

  /** Of all lines that were paced so far. */
  latency(): LatencyResult {
    const [p50, p99, p999] = this.#latencies.quantiles([0.5, 0.99, 0.999]) as [number, number, number];
    return { p50, p99, p999 };
  }

  async close(): Promise<void> {
    await Promise.all(this.#senders.map((sender) => sender.close()));
    this.#progress.close();
  }

  /** Waits until everything sent is archived; returns when the last of it was, in monotonicMs. */
  async #arrival(): Promise<number> {
    let arrived = -1;
    let deadline = 0;
    for (;;) {
      const missing = this.#senders
        .map(({ source, sent }) => ({ source, lines: sent - this.#progress.source(source).messages }))
        .filter(({ lines }) => lines > 0);
      if (missing.length === 0) break;
      const now = this.#senders.reduce((sum, { source }) => sum + this.#progress.source(source).messages, 0);
      if (now > arrived) deadline = monotonicMs() + STALL_MS;
      else if (monotonicMs() > deadline) {
        const list = missing.map(({ source, lines }) => `${source}: ${lines}`).join(', ');
        throw new Error(`lines did not arrive (${list})`);
      }
      arrived = now;
      await sleep(1);
    }
    return Math.max(...this.#senders.map(({ source }) => this.#progress.source(source).at));
  }
}
