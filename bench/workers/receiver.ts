// The worker: opens each parcel, reads a byte of each page if told to, answers.
import { parentPort, workerData } from 'node:worker_threads';
import { clock, type Message, type Setup } from './protocol.js';
import { receiverOf } from './transports.js';

const PAGE = 4096;
const { transport, size, touch } = workerData as Setup;
const receiver = receiverOf(transport, size);

parentPort!.on('message', ({ id, parcel }: Message) => {
  const buf = receiver.open(parcel);
  let sum = buf.length;
  if (touch) for (let at = 0; at < buf.length; at += PAGE) sum += buf[at]!;
  const readAt = clock();
  const { parcel: back, transfer } = receiver.close(buf);
  parentPort!.postMessage({ id, parcel: back, readAt, sum }, transfer);
});
