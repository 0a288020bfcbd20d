// A process with one worker and one transport. Arguments: the transport, the bytes of a message, "touch" or
// "alone".
import { Worker } from 'node:worker_threads';
import { serve } from '../support/lane.js';
import { median } from '../support/numbers.js';
import { type Answer, clock, type Message, type Setup } from './protocol.js';
import { senderOf, type TransportName } from './transports.js';

export interface HandOverRequest {
  readonly messages: number;
  readonly inFlight: number;
}

/** Nanoseconds. */
export interface HandOverReply {
  readonly perMessage: number;
  /** From taking memory to write into until the worker has read it; median. */
  readonly oneWay: number;
}

const [transport, bytes, contents] = process.argv.slice(2) as [TransportName, string, 'touch' | 'alone'];
const size = Number(bytes);
const touch = contents === 'touch';
const sender = senderOf(transport, size);
const setup: Setup = { transport, size, touch };
const worker = new Worker(new URL('./receiver.js', import.meta.url), { workerData: setup });

worker.on('error', (error) => {
  throw error;
});

let fill = 0;

function post(id: number): void {
  const buf = sender.take();
  if (touch) buf.fill(++fill & 255);
  const { parcel, transfer } = sender.pack(buf);
  const message: Message = { id, parcel };
  worker.postMessage(message, transfer);
}

serve<HandOverRequest, HandOverReply>(({ messages, inFlight }) => {
  const oneWay = new Float64Array(messages);
  const postedAt = new Float64Array(messages);
  return new Promise((resolve, reject) => {
    let posted = 0;
    let answers = 0;
    const next = () => {
      postedAt[posted] = clock();
      post(posted++);
    };
    const onAnswer = ({ id, parcel, readAt, sum }: Answer) => {
      if (sum < size) reject(new Error(`${transport}: the worker read ${sum}`));
      oneWay[id] = readAt - postedAt[id]!;
      sender.answered(parcel);
      if (posted < messages) next();
      else if (++answers === inFlight) finish();
    };
    const finish = () => {
      worker.off('message', onAnswer);
      resolve({ perMessage: (clock() - start) / messages, oneWay: median(oneWay) });
    };
    worker.on('message', onAnswer);
    const start = clock();
    for (let i = 0; i < inFlight; i++) next();
  });
});
process.once('disconnect', () => void worker.terminate());
