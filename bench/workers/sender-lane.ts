// A process with one worker and one transport. Arguments: the transport, the bytes of a message, "touch" or
// "alone".
import { Worker } from 'node:worker_threads';
import { serve } from '../../lib/cli/bench/lane.js';
import { median } from '../support/numbers.js';
import { type Answer, clock, type Message, type Setup } from './protocol.js';
import { senderOf, type TransportName } from './transports.js';

export interface HandOverRequest {
  /** For how long messages are sent. */
  readonly ms: number;
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

serve<HandOverRequest, HandOverReply>(
  ({ ms, inFlight }) =>
    new Promise((resolve, reject) => {
      const postedAt: number[] = [];
      const oneWay: number[] = [];
      const start = clock();
      const next = () => {
        const id = postedAt.length;
        postedAt.push(clock());
        post(id);
      };
      const onAnswer = ({ id, parcel, readAt, sum }: Answer) => {
        if (sum < size) reject(new Error(`${transport}: the worker read ${sum}`));
        oneWay.push(readAt - postedAt[id]!);
        sender.answered(parcel);
        if (clock() - start < ms * 1e6) next();
        else if (oneWay.length === postedAt.length) {
          worker.off('message', onAnswer);
          resolve({ perMessage: (clock() - start) / oneWay.length, oneWay: median(oneWay) });
        }
      };
      worker.on('message', onAnswer);
      for (let i = 0; i < inFlight; i++) next();
    }),
);
process.once('disconnect', () => void worker.terminate());
