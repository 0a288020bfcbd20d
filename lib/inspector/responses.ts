import type { IncomingMessage, ServerResponse } from 'node:http';
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

/** Responds without a body, and with nothing that tells who responds. */
export function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'Content-Length': 0, 'Cache-Control': 'no-store' });
  response.end();
}

/** Responds that it went wrong, and how: for who may know it. */
export function tellFailure(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const text = Buffer.from(`${error instanceof Error ? error.message : String(error)}\n`);
  response.writeHead(500, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': text.length });
  response.end(text);
}

/** Responds to a request that may be made; `route` is its path, without token and query. */
export type Respond = (request: IncomingMessage, response: ServerResponse, route: string) => void;

/**
 * Responds with the files of the page, and else with what `tell` has; that says whether it has it. What it throws
 * is told to who asked: nobody's look ends the process.
 */
export function respondWith(
  tell: (request: IncomingMessage, response: ServerResponse, route: string) => boolean,
): Respond {
  return (request, response, route) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      refuse(response, 405);
      return;
    }
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    try {
      if (tell(request, response, route)) return;
      const file = pageFile(route);
      if (file === undefined) {
        refuse(response, 404);
        return;
      }
      response.writeHead(200, { 'Content-Type': file.type, 'Content-Length': file.content.length });
      response.end(file.content);
    } catch (error) {
      tellFailure(response, error);
    }
  };
}
