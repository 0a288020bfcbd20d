import type { ServerResponse } from 'node:http';
import type { MemoryFacts } from '../addon/figures.js';
import { memoryFacts, policy, stats } from '../stats/process-stats.js';
import { reportText } from '../stats/report.js';
import { reportContext } from '../stats/report-context.js';
import { feed } from './feed.js';
import { makeHello } from './hello.js';
import { respondWith, tellFailure } from './responses.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const TEXT_TYPE = 'text/plain; charset=utf-8';

const json = (value: object) => ({ type: JSON_TYPE, content: JSON.stringify(value) });

interface Document {
  readonly type: string;
  readonly content: string;
}

/** One look at a time, whoever asks meanwhile: it makes page faults wait. */
let looking: Promise<MemoryFacts> | undefined;

async function memoryDocument(): Promise<Document> {
  looking ??= memoryFacts().finally(() => {
    looking = undefined;
  });
  return json(await looking);
}

const documents: Readonly<Record<string, () => Document | Promise<Document>>> = {
  '/hello.json': () => json(makeHello()),
  '/stats.json': () => json(stats()),
  '/memory.json': memoryDocument,
  '/policy.txt': () => ({ type: TEXT_TYPE, content: policy() }),
  '/report.txt': () => ({
    type: TEXT_TYPE,
    content: stats()
      .pools.map((pool) => reportText(pool, reportContext()))
      .join(''),
  }),
};

const send = (response: ServerResponse, found: Document): void => {
  response.writeHead(200, { 'Content-Type': found.type, 'Content-Length': Buffer.byteLength(found.content) });
  response.end(found.content);
};

function sendFound(response: ServerResponse, found: Document | Promise<Document>): void {
  if (!(found instanceof Promise)) {
    send(response, found);
    return;
  }
  found.then(
    (document) => send(response, document),
    (error: unknown) => tellFailure(response, error),
  );
}

/** Responds to a request with what this process is like. */
export const respond = respondWith((request, response, route) => {
  if (route === '/events' && request.method === 'GET') feed.subscribe(response);
  else if (Object.hasOwn(documents, route)) sendFound(response, documents[route]!());
  else return false;
  return true;
});
