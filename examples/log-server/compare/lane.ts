import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FloodResult } from '../feed/feeder.js';
import type { LogLines } from '../feed/log-lines.js';
import type { FeederJob, FeederReply, FeederRequest } from '../feed/protocol.js';
import type { Workload } from '../feed/workload.js';
import type { MemoryKind } from '../memory/memory.js';
import type { LogServerOptions } from '../server/log-server.js';
import type { ProcessStats } from '../server/process-stats.js';
import type { ServerJob, ServerReply, ServerRequest } from '../server/protocol.js';
import { Child } from './child.js';
import { verifyIndex, verifyMessages } from './verify.js';

export interface LanePlan {
  /** A directory for archives, which are removed again. */
  scratch: string;
  server: Omit<LogServerOptions, 'archive'>;
  feeder: Omit<FeederJob, 'target'>;
}

/** What one server did and cost in one round. Times in milliseconds, memory in bytes. */
export interface LaneResult {
  floods: FloodResult[];
  p50: number;
  p99: number;
  p999: number;
  rssPeak: number;
  rssIdle: number;
  rssStart: number;
  externalPeak: number;
  minorFaults: number;
  minorGcs: number;
  majorGcs: number;
  gcPause: number;
  cpu: number;
}

/**
 * One kind of memory in one round: a server and a feeder, each in a fresh process. Costs are counted from the moment
 * the server listens.
 */
export class Lane {
  readonly #directory: string;
  readonly #archive: string;
  readonly #server: Child<ServerReply>;
  readonly #feeder: Child<FeederReply>;
  readonly #floods: FloodResult[] = [];
  readonly #start: ProcessStats;
  #loaded: ProcessStats | undefined;
  #messages = 0;
  #closed: Extract<FeederReply, { type: 'closed' }> | undefined;

  static async start(memory: MemoryKind, plan: LanePlan): Promise<Lane> {
    const directory = await mkdtemp(join(plan.scratch, `${memory}-`));
    const serverJob: ServerJob = { memory, options: { ...plan.server, archive: directory } };
    const server = new Child<ServerReply>(`${memory} server`, 'server/process.js', serverJob);
    let feeder: Child<FeederReply> | undefined;
    try {
      const target = await server.next('ready');
      const start = await stats(server);
      const feederJob: FeederJob = { ...plan.feeder, target };
      feeder = new Child<FeederReply>(`feeder of the ${memory} server`, 'feed/process.js', feederJob);
      await feeder.next('ready');
      return new Lane(directory, target.archive, server, feeder, start);
    } catch (error) {
      await Promise.all([server.kill(), feeder?.kill()]);
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(
    directory: string,
    archive: string,
    server: Child<ServerReply>,
    feeder: Child<FeederReply>,
    start: ProcessStats,
  ) {
    this.#directory = directory;
    this.#archive = archive;
    this.#server = server;
    this.#feeder = feeder;
    this.#start = start;
  }

  /** Passes over the log before anything is measured, for the server's code to be compiled. */
  async warmUp(passes: number): Promise<void> {
    this.#feeder.send({ type: 'flood', passes } satisfies FeederRequest);
    await this.#feeder.next('flooded');
  }

  async flood(passes: number): Promise<FloodResult> {
    this.#feeder.send({ type: 'flood', passes } satisfies FeederRequest);
    const result = await this.#feeder.next('flooded');
    this.#floods.push(result);
    return result;
  }

  async paced(linesPerSecond: number, seconds: number): Promise<void> {
    this.#feeder.send({ type: 'paced', linesPerSecond, seconds } satisfies FeederRequest);
    await this.#feeder.next('paced');
  }

  /** The senders hang up. What the server has cost by now is what the load has cost. */
  async unload(): Promise<void> {
    this.#loaded = await stats(this.#server);
    this.#feeder.send({ type: 'close' } satisfies FeederRequest);
    this.#closed = await this.#feeder.next('closed');
  }

  /** Compares the archive with what was sent, while the server idles. */
  async verify(log: LogLines, workload: Workload): Promise<void> {
    this.#messages = await verifyMessages(this.#archive, log, workload, this.#closed!.sent);
  }

  /** Closes the server and says what it did. */
  async finish(): Promise<LaneResult> {
    const idle = await stats(this.#server);
    this.#server.send({ type: 'close' } satisfies ServerRequest);
    await this.#server.next('closed');
    await verifyIndex(this.#archive, this.#messages);
    const start = this.#start;
    const loaded = this.#loaded!;
    return {
      floods: this.#floods,
      ...this.#closed!.latency,
      rssPeak: loaded.rssPeak,
      rssIdle: idle.rss,
      rssStart: start.rss,
      externalPeak: loaded.externalPeak,
      minorFaults: loaded.minorFaults - start.minorFaults,
      minorGcs: loaded.minorGcs - start.minorGcs,
      majorGcs: loaded.majorGcs - start.majorGcs,
      gcPause: loaded.gcPause - start.gcPause,
      cpu: loaded.cpu - start.cpu,
    };
  }

  /** Ends the processes, however far they are, and removes the archive. */
  async dispose(): Promise<void> {
    await Promise.all([this.#feeder.kill(), this.#server.kill()]);
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function stats(server: Child<ServerReply>): Promise<ProcessStats> {
  server.send({ type: 'stats' } satisfies ServerRequest);
  return (await server.next('stats')).process;
}
