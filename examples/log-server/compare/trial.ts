import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLines } from '../feed/log-lines.js';
import type { FeederJob, FeederReply } from '../feed/protocol.js';
import type { Workload } from '../feed/workload.js';
import type { MemoryKind } from '../memory/memory.js';
import type { LogServerOptions } from '../server/log-server.js';
import type { ServerJob, ServerReply } from '../server/protocol.js';
import { Child } from './child.js';
import { verifyIndex, verifyMessages } from './verify.js';

/** How long the server is left alone before its memory is looked at again. */
const IDLE_MS = 1500;

export interface TrialPlan {
  server: Omit<LogServerOptions, 'archive'>;
  feeder: Omit<FeederJob, 'target'>;
}

/** What one server did in one trial. Times in milliseconds, memory in bytes. */
export interface TrialResult {
  linesPerSecond: number;
  bytesPerSecond: number;
  /** Lines a second at which latencies were measured. */
  rate: number;
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
 * One trial: a fresh server on one kind of memory, a fresh feeder, the whole load, a pause, and the archive compared
 * with what was sent. Costs are counted from the moment the server listens.
 */
export async function runTrial(
  memory: MemoryKind,
  plan: TrialPlan,
  log: LogLines,
  workload: Workload,
  onProgress: (lines: number) => void,
): Promise<TrialResult> {
  const directory = await mkdtemp(join(tmpdir(), 'log-server-'));
  const job: ServerJob = { memory, options: { ...plan.server, archive: directory } };
  const server = new Child<ServerReply>(`${memory} server`, 'server/process.js', job);
  let feeder: Child<FeederReply> | undefined;
  try {
    const target = await server.next('ready');
    const before = await stats(server);
    feeder = new Child<FeederReply>('feeder', 'feed/process.js', {
      ...plan.feeder,
      target,
    } satisfies FeederJob);
    feeder.onReply = (reply) => reply.type === 'progress' && onProgress(reply.lines);
    // A server that dies must not leave us waiting for the feeder.
    const done = await Promise.race([feeder.next('done'), server.ended]);
    const after = await stats(server);
    // The server is idle meanwhile, and what the feeder sent is in the file.
    const [messages] = await Promise.all([
      verifyMessages(target.archive, log, workload, done.sent),
      sleep(IDLE_MS),
    ]);
    const idle = await stats(server);
    server.send({ type: 'close' });
    await server.next('closed');
    await verifyIndex(target.archive, messages);

    const { flood, paced } = done;
    const bytes = workload.tcp.reduce((sum, stream) => sum + stream.bytes.length, 0);
    const udpBytes = workload.udp.reduce((sum, line) => sum + log.line(line).length, 0);
    const passes = flood.lines / workload.lines;
    return {
      linesPerSecond: flood.linesPerSecond,
      bytesPerSecond: (((bytes + udpBytes) * passes) / flood.ms) * 1000,
      rate: paced.linesPerSecond,
      p50: paced.p50,
      p99: paced.p99,
      p999: paced.p999,
      rssPeak: after.process.rssPeak,
      rssIdle: idle.process.rss,
      rssStart: before.process.rss,
      externalPeak: after.process.externalPeak,
      minorFaults: after.process.minorFaults - before.process.minorFaults,
      minorGcs: after.process.minorGcs - before.process.minorGcs,
      majorGcs: after.process.majorGcs - before.process.majorGcs,
      gcPause: after.process.gcPause - before.process.gcPause,
      cpu: after.process.cpu - before.process.cpu,
    };
  } finally {
    feeder?.kill();
    server.kill();
    await rm(directory, { recursive: true, force: true });
  }
}

async function stats(server: Child<ServerReply>): Promise<Extract<ServerReply, { type: 'stats' }>> {
  server.send({ type: 'stats' });
  return server.next('stats');
}
