import type { ServerResponse } from 'node:http';
import { now } from '../addon/clock.js';
import { builtins } from '../base/builtins.js';
import type { MisuseSite } from '../base/misuse.js';
import { watchHistograms } from '../measure/lease-meter.js';
import type { ProcessStats } from '../stats/pool-stats.js';
import { stats } from '../stats/process-stats.js';
import { Client, event } from './client.js';
import { figuresOf, leaksOf, misuseOf } from './event-data.js';
import { makeHello, PERIOD_MS } from './hello.js';
import { MapScanner } from './map-scanner.js';
import { Ordinals } from './ordinals.js';

/** Scans follow each other no faster than this, however many pages are opened. */
const MIN_PAUSE_MS = 200;

/**
 * What is told to pages, once a second to all of them: the cost does not grow with their number but for the
 * writing. Nothing runs while nobody listens, and nothing of it keeps the process alive.
 */
class Feed {
  readonly #clients = new Set<Client>();
  readonly #ordinals = new Ordinals();
  #scanner: MapScanner | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Fills the histograms while somebody looks. */
  #sampling: Disposable | undefined;
  #scannedAt = Number.NEGATIVE_INFINITY;
  /** Events that come when they changed, as they were last told. */
  #pools = '';
  #leaks = '';
  #misuse = '';
  /** What #misuse tells: stats() gives the same array while it is the same. */
  #misuseSites: readonly MisuseSite[] | undefined;

  /** `response` becomes a stream of events, until its connection ends. */
  subscribe(response: ServerResponse): void {
    // What can fail comes before the stream is begun: who asked then hears of it.
    this.#scanner ??= new MapScanner();
    const hello = event('hello', makeHello());
    const current = stats();
    const { pools, sites } = this.#look(current);
    // The others hear of what has changed at once, too: the next turn would find nothing new.
    this.#tell(pools + sites);
    const client = new Client(response);
    response.on('close', () => this.#forget(client));
    client.send(hello + this.#pools + event('stats', figuresOf(current)) + this.#leaks + this.#misuse);
    this.#clients.add(client);
    this.#sampling ??= watchHistograms();
    this.#timer ??= builtins.setInterval(() => this.#turn(), PERIOD_MS).unref();
    if (now() - this.#scannedAt >= MIN_PAUSE_MS) void this.#scan();
  }

  #forget(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    builtins.clearInterval(this.#timer);
    this.#timer = undefined;
    this.#sampling?.[Symbol.dispose]();
    this.#sampling = undefined;
  }

  #turn(): void {
    try {
      const current = stats();
      const { pools, sites } = this.#look(current);
      this.#tell(pools + event('stats', figuresOf(current)) + sites);
    } catch {
      this.#cutOff();
      return;
    }
    void this.#scan();
  }

  /** Who listens hears why when it asks again: a failure here must not become the process's. */
  #cutOff(): void {
    for (const client of this.#clients) {
      client.end();
      this.#forget(client);
    }
  }

  /** The events of what is other than before. */
  #look(current: ProcessStats): { pools: string; sites: string } {
    const pools = event('pools', this.#ordinals.update(current.pools));
    const leaks = event('leaks', leaksOf(current));
    const isNew = current.misuse !== this.#misuseSites;
    const misuse = isNew ? event('misuse', misuseOf(current)) : this.#misuse;
    const changed = {
      pools: pools === this.#pools ? '' : pools,
      sites: (leaks === this.#leaks ? '' : leaks) + (misuse === this.#misuse ? '' : misuse),
    };
    this.#pools = pools;
    this.#leaks = leaks;
    this.#misuse = misuse;
    this.#misuseSites = current.misuse;
    return changed;
  }

  /** Who is behind misses this turn, and hears later of what does not come with every turn. */
  #tell(text: string): void {
    if (text === '') return;
    for (const client of this.#clients) {
      if (client.isBehind) {
        client.hasMissed = true;
        continue;
      }
      client.send(client.hasMissed ? this.#pools + this.#leaks + this.#misuse + text : text);
      client.hasMissed = false;
    }
  }

  async #scan(): Promise<void> {
    try {
      await this.#sendScan();
    } catch {
      this.#cutOff();
    }
  }

  async #sendScan(): Promise<void> {
    const scanner = this.#scanner!;
    if (scanner.busy) return;
    this.#scannedAt = now();
    // Who comes while the scan is under way is in neither, and gets everything from the next one.
    const full = new Set<Client>();
    const changes = new Set<Client>();
    for (const client of this.#clients) {
      // Changes add up: who misses some needs all of the map afterwards.
      if (client.isBehind) client.needsFullMap = true;
      else (client.needsFullMap ? full : changes).add(client);
    }
    const frames = await scanner.scan(this.#ordinals.pairs(), {
      changes: changes.size > 0,
      full: full.size > 0,
    });
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
