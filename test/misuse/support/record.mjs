// Loaded before a program by misuse-programs.test.ts (`node --import`), and into its workers: writes down, as a line of
// JSON each in the file MISUSE_RECORD, what superslab says of the program in this thread.
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { stats } from 'superslab';

const file = process.env.MISUSE_RECORD;

function write(record, facts) {
  appendFileSync(file, `${JSON.stringify({ record, isMainThread, ...facts })}\n`);
}

function recordError(error) {
  write('error', { ...error, message: error.message, stack: error.stack });
}

subscribe('superslab:pool:leak', (leak) => write('leak', leak));
subscribe('superslab:pool:guard', (report) => write('report', report));
subscribe('misuse:error', recordError);
process.on('uncaughtExceptionMonitor', recordError);
process.on('warning', ({ name, code, message }) => write('warning', { name, code, message }));
if (isMainThread) process.on('exit', () => write('exit', { stats: stats() }));
