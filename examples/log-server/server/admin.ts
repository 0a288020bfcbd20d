import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Source } from '../receive/message-sink.js';
import type { Entry } from '../store/entry.js';
import type { EntryFilter } from '../store/find-entries.js';
import type { IndexRecord } from '../store/index-record.js';
import type { IndexedArchive } from '../store/mapped-index.js';
import { SEVERITIES } from '../syslog/message.js';
import { readStructuredData } from '../syslog/structured-data.js';
import type { LogServer } from './log-server.js';
import { monotonicMs } from './monotonic.js';

const MAX_TAIL = 10_000;

/**
 * The HTTP door for people and tools:
 * `GET /status`, counters as JSON;
 * `GET /tail?count=20&severity=err&host=web1&app=nginx`, recent entries, the newest first;
 * `GET /archives`, what is known of the archives of this server and of those before it, the newest first;
 * `GET /progress`, a line of JSON for each source whenever bytes of it have reached the archive (see Progress).
 */
export class Admin {
  readonly #server: Server;
  readonly #logServer: LogServer;
  readonly #followers = new Set<ServerResponse>();

  constructor(logServer: LogServer) {
    this.#logServer = logServer;
    this.#server = createServer((request, response) => this.#answer(request, response));
    logServer.on('archived', (sources) => this.#tellFollowers(sources));
  }

  async listen(host: string, port: number): Promise<number> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    for (const follower of this.#followers) follower.end();
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/progress') this.#follow(response);
    else if (pathname === '/status') sendJson(response, 200, this.#logServer.status());
    else if (pathname === '/archives') sendJson(response, 200, this.#logServer.archives().map(summary));
    else if (pathname === '/tail') this.#tail(searchParams, response);
    else
      sendJson(response, 404, { error: `no ${pathname} here: try /status, /tail, /archives or /progress` });
  }

  #tail(query: URLSearchParams, response: ServerResponse): void {
    const filter = readFilter(query);
    if (typeof filter === 'string') sendJson(response, 400, { error: filter });
    else sendJson(response, 200, this.#logServer.recent(filter).map(toJson));
  }

  #follow(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.flushHeaders();
    this.#followers.add(response);
    response.on('close', () => this.#followers.delete(response));
  }

  #tellFollowers(sources: Iterable<Source>): void {
    if (this.#followers.size === 0) return;
    const at = monotonicMs();
    let lines = '';
    for (const { name, archivedBytes, archivedMessages } of sources) {
      lines += `${JSON.stringify({ source: name, bytes: archivedBytes, messages: archivedMessages, at } satisfies Progress)}\n`;
    }
    for (const follower of this.#followers) follower.write(lines);
  }
}

/** How much of a source is in the archive, and since when. */
export interface Progress {
  /** `tcp:` and the sender's port, or `udp`. */
  source: string;
  /** Since the connection began, framing included. */
  bytes: number;
  messages: number;
  /** The machine's monotonic clock, see monotonicMs. */
  at: number;
}

/** The filter that a query asks for, or what is wrong with it. */
function readFilter(query: URLSearchParams): EntryFilter | string {
  const count = Number(query.get('count') ?? 20);
  if (!Number.isInteger(count) || count < 1 || count > MAX_TAIL) return `count must be 1 to ${MAX_TAIL}`;
  const severity = (SEVERITIES as readonly string[]).indexOf(query.get('severity') ?? 'debug');
  if (severity < 0) return `severity must be one of ${SEVERITIES.join(', ')}`;
  return { count, severity, host: query.get('host') ?? undefined, app: query.get('app') ?? undefined };
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

/** An archive in numbers. */
function summary({ name, records }: IndexedArchive): unknown {
  const sum = (value: (record: IndexRecord) => number) =>
    records.reduce((total, record) => total + value(record), 0);
  return {
    archive: name,
    blocks: records.length,
    bytes: sum(({ byteLength }) => byteLength),
    messages: sum(({ messages }) => messages),
    unparsed: sum(({ unparsed }) => unparsed),
  };
}

function toJson(entry: Entry): unknown {
  return {
    time: Number.isNaN(entry.time) ? null : new Date(entry.time / 1000).toISOString(),
    received: new Date(entry.received).toISOString(),
    format: entry.format,
    facility: entry.facility,
    severity: SEVERITIES[entry.severity],
    host: entry.host || null,
    app: entry.app || null,
    proc: entry.proc || null,
    id: entry.id || null,
    data: entry.data === '' ? null : readStructuredData(entry.data),
    text: entry.text,
  };
}
