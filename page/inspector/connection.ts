/** The stream of events, and coming back to it when it breaks. */
import type { Hello, InspectorStats, LeakSites, MisuseSites, PoolNames } from './protocol.js';

export type ConnectionState =
  | { readonly name: 'connecting' }
  | { readonly name: 'live' }
  /** `seconds`: until the next try. */
  | { readonly name: 'lost'; readonly seconds: number }
  /** The server answers and does not let us in: another process has its port now, or the token is wrong. */
  | { readonly name: 'refused' }
  /** What comes has another meaning than this page knows. */
  | { readonly name: 'foreign' };

export interface Handlers {
  state(state: ConnectionState): void;
  hello(hello: Hello): void;
  pools(names: PoolNames): void;
  map(base64: string): void;
  stats(figures: InspectorStats): void;
  leaks(leaks: LeakSites): void;
  misuse(misuse: MisuseSites): void;
}

/** Events come each second; so long without one means that the process hangs or is gone. */
const SILENCE_MS = 10_000;
const MAX_WAIT_S = 8;

export class Connection {
  readonly #handlers: Handlers;
  #source: EventSource | undefined;
  #silence = 0;
  #countdown = 0;
  #tries = 0;

  constructor(handlers: Handlers) {
    this.#handlers = handlers;
  }

  open(): void {
    this.close();
    this.#handlers.state({ name: 'connecting' });
    const source = new EventSource(`events${location.search}`);
    this.#source = source;
    const on = (name: Exclude<keyof Handlers, 'state'>, take: (data: string) => void) =>
      source.addEventListener(name, (event) => {
        this.#heard();
        take((event as MessageEvent<string>).data);
      });
    on('hello', (data) => {
      this.#tries = 0;
      this.#handlers.state({ name: 'live' });
      this.#handlers.hello(JSON.parse(data));
    });
    on('pools', (data) => this.#handlers.pools(JSON.parse(data)));
    on('map', (data) => this.#handlers.map(data));
    on('stats', (data) => this.#handlers.stats(JSON.parse(data)));
    on('leaks', (data) => this.#handlers.leaks(JSON.parse(data)));
    on('misuse', (data) => this.#handlers.misuse(JSON.parse(data)));
    source.addEventListener('error', () => void this.#lost());
    this.#heard();
  }

  close(): void {
    this.#source?.close();
    this.#source = undefined;
    clearTimeout(this.#silence);
    clearInterval(this.#countdown);
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => void this.#lost(), SILENCE_MS);
  }

  async #lost(): Promise<void> {
    this.close();
    if (await isRefused()) {
      this.#handlers.state({ name: 'refused' });
      return;
    }
    let seconds = Math.min(2 ** this.#tries++, MAX_WAIT_S);
    this.#handlers.state({ name: 'lost', seconds });
    this.#countdown = setInterval(() => {
      seconds--;
      if (seconds <= 0) this.open();
      else this.#handlers.state({ name: 'lost', seconds });
    }, 1000);
  }
}

/** Whether a server is there and turns us away. EventSource itself does not tell why it failed. */
async function isRefused(): Promise<boolean> {
  try {
    const reply = await fetch(`stats.json${location.search}`, { cache: 'no-store' });
    await reply.body?.cancel();
    return reply.status === 401 || reply.status === 403;
  } catch {
    return false;
  }
}
