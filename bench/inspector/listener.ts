// A page of the inspector without a browser; see bench/inspector.ts.
import { get, type IncomingMessage } from 'node:http';

export interface ListenerReply {
  /** Of the first frame of the map, and of the others on average, as they are sent. */
  readonly fullBytes: number;
  readonly changeBytes: number;
}

let stream: IncomingMessage | undefined;
let left = '';
let frames: number[] = [];
let fullBytes = 0;
const changes: number[] = [];
let onFrame: (() => void) | undefined;

const reply = () => {
  const sum = changes.reduce((total, bytes) => total + bytes, 0);
  process.send!({
    fullBytes,
    changeBytes: changes.length === 0 ? 0 : sum / changes.length,
  } satisfies ListenerReply);
};

function take(part: string): void {
  left += part;
  const events = left.split('\n\n');
  left = events.pop()!;
  for (const event of events) {
    if (!event.startsWith('event: map')) continue;
    frames.push(event.length);
    if (frames.length === 1) fullBytes = event.length;
    else changes.push(event.length);
    onFrame?.();
  }
}

function listen(url: string): void {
  frames = [];
  left = '';
  get(`${url}events`, (response) => {
    stream = response;
    response.setEncoding('utf8');
    response.on('error', () => {});
    response.on('data', take);
    reply();
  });
}

process.on('message', (message: string) => {
  if (message === 'pause') {
    stream?.once('close', reply);
    stream?.destroy();
  } else if (message === 'first frame') {
    onFrame = () => {
      onFrame = undefined;
      reply();
    };
    if (frames.length > 0) onFrame();
  } else if (message === 'bytes') {
    reply();
  } else {
    listen(message);
  }
});
process.on('disconnect', () => process.exit());
