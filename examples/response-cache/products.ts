// What both servers serve, and how they are started: pages that take long to make.
import cluster from 'node:cluster';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { CachedReply } from './response.js';

export const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '3000' },
    workers: { type: 'string', default: '2' },
    cache: { type: 'string', default: '/dev/shm/response-cache.example' },
  },
});

/** The page of a product, which says who has made it. */
export async function render(id: string): Promise<CachedReply> {
  await setTimeout(100);
  const body = Buffer.from(`<h1>Product ${id}</h1><p>made by process ${process.pid}</p>\n`);
  return { headers: { 'content-type': 'text/html; charset=utf-8' }, body };
}

/** Starts processes that each call `serve`, and prints where they listen. */
export async function inEachWorker(serve: () => unknown): Promise<void> {
  if (!cluster.isPrimary) {
    await serve();
    return;
  }
  let listening = 0;
  cluster.on('listening', (_, { port }) => {
    listening++;
    if (listening === Number(options.workers)) console.log(`http://127.0.0.1:${port}/products/1`);
  });
  for (let i = 0; i < Number(options.workers); i++) cluster.fork();
}
