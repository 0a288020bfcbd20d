import type { ServerResponse } from 'node:http';
import { Client, event } from './client.js';
import { readFigures } from './figures.js';
import { makeHello, PERIOD_MS, poolNames } from './hello.js';
import { leakSites } from './leak-sites.js';
import { MapScanner } from './map-scanner.js';

/** Scans follow each other no faster than this, however many pages are opened. */
const LEAST_PAUSE_MS = 200;

/**
 * What is told to pages, once a second to all of them: the cost does not grow with their number but for the
 * writing. Nothing runs while nobody listens, and nothing of it keeps the process alive.
 */
class Feed {
  readonly #clients = new Set<Client>();
  #scanner: MapScanner | undefined;
  #timer: NodeJS.Timeout | undefined;
  #scannedAt = Number.NEGATIVE_INFINITY;
  /** As last told, to tell when they change. */
  #pools = '';
  #leaks = '';

  /** `response` becomes a stream of events, until its connection ends. */
  subscribe(response: ServerResponse): void {
    this.#scanner ??= new MapScanner();
    const client = new Client(response);
    response.on('close', () => this.#forget(client));
    this.#refreshNames();
    for (const text of [event('hello', makeHello()), this.#pools, event('stats', readFigures()), this.#leaks])
      client.send(text);
    this.#clients.add(client);
    this.#timer ??= setInterval(() => this.#tick(), PERIOD_MS).unref();
    if (performance.now() - this.#scannedAt >= LEAST_PAUSE_MS) this.#scan();
  }

  /** Pages that listen now. */
  get size(): number {
    return this.#clients.size;
  }

  #forget(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const { pools, leaks } = this.#refreshNames();
    const news = `${pools ? this.#pools : ''}${event('stats', readFigures())}${leaks ? this.#leaks : ''}`;
    for (const client of this.#clients) {
      // Who is behind misses this turn; changes of the map add up, so it needs all of it afterwards.
      if (client.isBehind) client.needsFullMap = true;
      else client.send(news);
    }
    this.#scan();
  }

  /** Whether pools or leaks are others than before. */
  #refreshNames(): { pools: boolean; leaks: boolean } {
    const pools = event('pools', poolNames());
    const leaks = event('leaks', leakSites());
    const changed = { pools: pools !== this.#pools, leaks: leaks !== this.#leaks };
    this.#pools = pools;
    this.#leaks = leaks;
    return changed;
  }

  async #scan(): Promise<void> {
    const scanner = this.#scanner!;
    if (scanner.busy) return;
    this.#scannedAt = performance.now();
    // Who comes while the scan is under way is not in this list, and gets everything from the next one.
    const full = new Set<Client>();
    const changes = new Set<Client>();
    for (const client of this.#clients) {
      if (client.isBehind) client.needsFullMap = true;
      else (client.needsFullMap ? full : changes).add(client);
    }
    const frames = await scanner.scan({ changes: changes.size > 0, full: full.size > 0 });
    if (frames.changes !== undefined) this.#sendMap(changes, frames.changes);
    if (frames.full !== undefined) this.#sendMap(full, frames.full);
  }

  #sendMap(clients: ReadonlySet<Client>, frame: ArrayBuffer): void {
    const text = event('map', frame);
    for (const client of clients) {
      if (!this.#clients.has(client)) continue;
      client.needsFullMap = false;
      client.send(text);
    }
  }
}

/** Of this thread. */
export const feed = new Feed();
