// What an inspector costs the process that it shows: with 10,000 superslabs and somebody who listens, the time
// of the main thread for a second of it, and what the hot path loses. The pages listen in a process of
// their own, as browsers do.
import { fork } from 'node:child_process';
import type { InspectedReply } from './inspector/inspected.js';
import { median, quantile, spread } from './support/numbers.js';
import { benchOptions } from './support/options.js';
import { type MeasuredRow, print } from './support/report.js';

const options = benchOptions();
const SUPERSLABS = options.quick ? 1000 : 10_000;
const SECONDS = options.quick ? 3 : 15;

const program = new URL('./inspector/inspected.js', import.meta.url);
const child = fork(program, [String(SUPERSLABS), String(SECONDS)], {
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
});
const reply = await new Promise<InspectedReply>((resolve, reject) => {
  child.once('message', (message) => resolve(message as InspectedReply));
  child.once('exit', (code) => reject(new Error(`the inspected process ended with ${code}`)));
});
// By a signal, after its hot loops: see Lane.close().
child.kill();

const rows: MeasuredRow[] = [
  {
    case: 'main thread, for a second',
    unit: 'ms',
    superslab: median(reply.onMs),
    peers: { 'inspector off': median(reply.offMs) },
    spread: spread(reply.onMs),
  },
  { case: 'main thread, worst second', unit: 'ms', superslab: quantile(reply.onMs, 1), peers: {} },
  { case: 'a page that comes', unit: 'ms', superslab: reply.firstMs, peers: {} },
  {
    case: 'acquire + release, best turn',
    unit: 'ns',
    superslab: Math.min(...reply.onNs),
    peers: { 'inspector off': Math.min(...reply.offNs) },
  },
  {
    case: 'acquire + release, median turn',
    unit: 'ns',
    superslab: median(reply.onNs),
    peers: { 'inspector off': median(reply.offNs) },
    spread: spread(reply.onNs),
  },
];
const loss = (pick: (values: readonly number[]) => number) =>
  `${((pick(reply.onNs) / pick(reply.offNs) - 1) * 100).toFixed(1)} %`;
print('inspector', rows, options, [
  `${SUPERSLABS.toLocaleString('en-US')} superslabs, ${reply.slabs.toLocaleString('en-US')} of them cut into slabs, ` +
    `RSS ${(reply.rssBytes / 2 ** 20).toFixed(0)} MiB. One page that listens.`,
  `The hot path loses ${loss((values) => Math.min(...values))} (best turns), ${loss(median)} (medians), with all that ` +
    'the inspector does in the second of each turn.',
  'Times are those of the main thread alone (Linux). The map is looked at on another thread.',
  `The map: ${(reply.fullBytes / 1024).toFixed(0)} KiB at first, then ${(reply.changeBytes / 1024).toFixed(1)} KiB a second.`,
]);
