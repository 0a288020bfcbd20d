// A response cache for Express that all workers of a cluster have in common.
import express, { type RequestHandler } from 'express';
import { SharedCache } from 'superslab/files';
import { inEachWorker, options, render } from './products.js';
import { bytesOf, type CachedReply, replyOf } from './response.js';

interface Params {
  readonly id: string;
}

/** What a handler makes is kept, and made by one process at a time for each URL: the others wait for it. */
function cached(
  cache: SharedCache,
  settings: { readonly ttlMs: number; readonly tags: (params: Params) => string[] },
  make: (params: Params) => Promise<CachedReply>,
): RequestHandler<Params> {
  return async (request, response) => {
    const tags = settings.tags(request.params);
    const bytes = await cache.getOrCompute(
      `GET ${request.originalUrl}`,
      async () => bytesOf(await make(request.params)),
      { ttlMs: settings.ttlMs, tags },
    );
    const { headers, body } = replyOf(bytes);
    response.set(headers).set('x-served-by', String(process.pid)).send(body);
  };
}

await inEachWorker(() => {
  const cache = SharedCache.open({ path: options.cache, maxBytes: 16 * 2 ** 20 });
  const app = express();
  const tagOf = (id: string) => `product:${id}`;
  app.get(
    '/products/:id',
    cached(cache, { ttlMs: 60_000, tags: ({ id }) => [tagOf(id)] }, ({ id }) => render(id)),
  );
  app.post('/products/:id/changed', (request, response) => {
    cache.deleteTag(tagOf(request.params.id)); // in all processes
    response.sendStatus(204);
  });
  app.listen(Number(options.port));
});
