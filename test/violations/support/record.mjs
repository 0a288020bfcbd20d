// Loaded before a program by violations.test.ts (`node --import`), and into its workers: writes down, as a line of
// JSON each in the file VIOLATIONS_RECORD, what superslab says of the program in this thread.
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { stats } from 'superslab';

const file = process.env.VIOLATIONS_RECORD;

function record(kind, facts) {
  appendFileSync(file, `${JSON.stringify({ kind, isMainThread, ...facts })}\n`);
}

function recordError(error) {
  record('error', { ...error, message: error.message, stack: error.stack });
}

subscribe('superslab:pool:leak', (leak) => record('leak', leak));
subscribe('superslab:pool:guard', (report) => record('report', report));
subscribe('violations:error', recordError);
process.on('uncaughtExceptionMonitor', recordError);
process.on('warning', ({ name, code, message }) => record('warning', { name, code, message }));
if (isMainThread) process.on('exit', () => record('exit', { stats: stats() }));
