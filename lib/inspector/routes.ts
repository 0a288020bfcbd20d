import type { ServerResponse } from 'node:http';
import { stats } from '../stats/process-stats.js';
import { reportText } from '../stats/report.js';
import { reportContext } from '../stats/report-context.js';
import { answerWith } from './answer.js';
import { feed } from './feed.js';
import { makeHello } from './hello.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const TEXT_TYPE = 'text/plain; charset=utf-8';

const json = (value: object) => ({ type: JSON_TYPE, content: JSON.stringify(value) });

const documents: Readonly<Record<string, () => { type: string; content: string }>> = {
  '/hello.json': () => json(makeHello()),
  '/stats.json': () => json(stats()),
  '/report.txt': () => ({
    type: TEXT_TYPE,
    content: stats()
      .pools.map((pool) => reportText(pool, reportContext()))
      .join(''),
  }),
};

const send = (response: ServerResponse, found: { type: string; content: string }): void => {
  response.writeHead(200, { 'Content-Type': found.type, 'Content-Length': Buffer.byteLength(found.content) });
  response.end(found.content);
};

/** Answers a request with what this process is like. */
export const answer = answerWith((request, response, route) => {
  if (route === '/events' && request.method === 'GET') feed.subscribe(response);
  else if (Object.hasOwn(documents, route)) send(response, documents[route]!());
  else return false;
  return true;
});
