/** A feeder in a process of its own: told what to send by its first argument, and when to send it over IPC. */
import { Feeder } from './feeder.js';
import { LogLines } from './log-lines.js';
import type { FeederJob, FeederReply, FeederRequest } from './protocol.js';
import { dealOut } from './workload.js';

const job = JSON.parse(process.argv[2]!) as FeederJob;
const log = LogLines.read(job.files, job.maxMessage);
const feeder = await Feeder.connect(job.target, log, dealOut(log, job.distribution));

process.on('message', (request: FeederRequest) => {
  answer(request).catch((error: Error) => reply({ type: 'failed', message: error.message }));
});
// The comparison is gone: so are we.
process.on('disconnect', () => process.exit(1));

reply({ type: 'ready' });

async function answer(request: FeederRequest): Promise<void> {
  if (request.type === 'flood') {
    reply({ type: 'flooded', ...(await feeder.flood(request.passes)) });
  } else if (request.type === 'paced') {
    await feeder.paced(request.linesPerSecond, request.seconds);
    reply({ type: 'paced' });
  } else {
    await feeder.close();
    reply({ type: 'closed', sent: feeder.sent, latency: feeder.latency() });
    process.removeAllListeners('disconnect');
    process.disconnect();
  }
}

function reply(message: FeederReply): void {
  process.send!(message);
}
