/** A feeder in a process of its own: told what to send by its first argument, reports over IPC. */
import { Feeder } from './feeder.js';
import { LogLines } from './log-lines.js';
import type { FeederJob, FeederReply } from './protocol.js';
import { dealOut } from './workload.js';

const REPORT_MS = 100;
/** Of the server's full speed: busy, but not so busy that latency is nothing but queues. */
const PACED_SHARE = 1 / 4;

const job = JSON.parse(process.argv[2]!) as FeederJob;
process.on('disconnect', () => process.exit(1));

try {
  const log = LogLines.read(job.files, job.maxMessage);
  const feeder = await Feeder.connect(job.target, log, dealOut(log, job.distribution));
  const timer = setInterval(() => reply({ type: 'progress', lines: feeder.sentLines }), REPORT_MS);
  await feeder.flood(job.warmUpPasses);
  const flood = await feeder.flood(job.floodPasses);
  const paced = await feeder.paced(job.rate ?? flood.linesPerSecond * PACED_SHARE, job.seconds);
  clearInterval(timer);
  await feeder.close();
  reply({ type: 'done', flood, paced, sent: feeder.sent });
} catch (error) {
  reply({ type: 'failed', message: (error as Error).message });
}
process.removeAllListeners('disconnect');
process.disconnect();

function reply(message: FeederReply): void {
  process.send!(message);
}
