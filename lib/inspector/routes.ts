import type { IncomingMessage, ServerResponse } from 'node:http';
import { openPools } from '../buffer-pool.js';
import { reportText } from '../report.js';
import { feed } from './feed.js';
import { readFigures } from './figures.js';
import { makeHello } from './hello.js';
import { pageFile } from './page-files.js';

/** The page runs its own scripts and talks to its own origin; nothing else, and nobody frames it. */
const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // The address of the page holds the token.
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const;

const JSON_TYPE = 'application/json; charset=utf-8';
const TEXT_TYPE = 'text/plain; charset=utf-8';

const json = (value: object) => ({ type: JSON_TYPE, content: JSON.stringify(value) });

const documents: Readonly<Record<string, () => { type: string; content: string }>> = {
  '/hello.json': () => json(makeHello()),
  '/stats.json': () => json(readFigures()),
  '/report.txt': () => ({
    type: TEXT_TYPE,
    content: openPools()
      .map((pool) => reportText(pool.stats()))
      .join(''),
  }),
};

/** Answers without a body, and with nothing that tells who answers. */
export function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'Content-Length': 0, 'Cache-Control': 'no-store' });
  response.end();
}

/** Answers a request that may be made; `route` is its path, without token and query. */
export function answer(request: IncomingMessage, response: ServerResponse, route: string): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    refuse(response, 405);
    return;
  }
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  if (route === '/events' && request.method === 'GET') {
    feed.subscribe(response);
    return;
  }
  const found = Object.hasOwn(documents, route) ? documents[route]!() : pageFile(route);
  if (found === undefined) {
    refuse(response, 404);
    return;
  }
  response.writeHead(200, { 'Content-Type': found.type, 'Content-Length': Buffer.byteLength(found.content) });
  response.end(found.content);
}
