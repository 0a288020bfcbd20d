// A response cache for Fastify that all workers of a cluster have in common.
import { fastify, type RouteHandler } from 'fastify';
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
): RouteHandler<{ Params: Params }> {
  return async (request, reply) => {
    const tags = settings.tags(request.params);
    const bytes = await cache.getOrCompute(
      `GET ${request.originalUrl}`,
      async () => bytesOf(await make(request.params)),
      { ttlMs: settings.ttlMs, tags },
    );
    const { headers, body } = replyOf(bytes);
    return reply.headers(headers).header('x-served-by', String(process.pid)).send(body);
  };
}

await inEachWorker(() => {
  const cache = SharedCache.open({ path: options.cache, maxBytes: 16 * 2 ** 20 });
  const app = fastify();
  const tagOf = (id: string) => `product:${id}`;
  app.get<{ Params: Params }>(
    '/products/:id',
    cached(cache, { ttlMs: 60_000, tags: ({ id }) => [tagOf(id)] }, ({ id }) => render(id)),
  );
  app.post<{ Params: Params }>('/products/:id/changed', (request, reply) => {
    cache.deleteTag(tagOf(request.params.id)); // in all processes
    return reply.code(204).send();
  });
  return app.listen({ port: Number(options.port), host: '127.0.0.1' });
});
