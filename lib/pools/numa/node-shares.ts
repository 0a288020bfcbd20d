import { environment } from '../../addon/environment.js';
import type { GuardReport } from '../../base/misuse.js';
import type { Listeners } from '../../guard/publishing.js';
import { leases, type PooledBuffer } from '../../pool/pooled-buffer.js';
import { bindAcquire } from '../buffer/bind-acquire.js';
import type { ObservedCore } from '../observed-core.js';

/** The shares of a pool in this thread, one for each memory node, and which of them serves: that of the node it runs on. */
export class NodeShares {
  readonly #cores: readonly ObservedCore[];
  readonly #acquires: readonly ((size: number) => PooledBuffer)[];
  readonly #releases: readonly ((buf: Uint8Array) => void)[];
  #node = 0;
  /** Those of the share that serves. Whoever acquires or releases asks for them each time. */
  acquire: (size: number) => PooledBuffer;
  release: (buf: Uint8Array) => void;

  /** In the order of facts.nodes; more than one. */
  constructor(cores: readonly ObservedCore[]) {
    this.#cores = cores;
    this.#acquires = cores.map((core) =>
      bindAcquire(core, {
        magazines: core.magazines,
        // A thread that moved empties its magazines sooner or later, and is noticed then.
        acquireSlow: (size: number) => this.here().acquireSlow(size),
      }),
    );
    this.#releases = cores.map(({ magazines }) => leases.bindRelease(magazines));
    this.acquire = this.#acquires[0]!;
    this.release = this.#releases[0]!;
    this.here();
  }

  /** The share of the node that the thread runs on now, which serves from now on. */
  here(): ObservedCore {
    const node = environment.currentNode();
    const core = this.#cores[node]!;
    if (node !== this.#node) {
      core.serveFromHere();
      this.#node = node;
      this.acquire = this.#acquires[node]!;
      this.release = this.#releases[node]!;
    }
    return core;
  }

  /** The place in facts.nodes of the share that serves. */
  get node(): number {
    return this.#node;
  }
}

/** Who watches the leases of all shares. */
export class SharesWatch {
  readonly #cores: readonly ObservedCore[];

  constructor(cores: readonly ObservedCore[]) {
    this.#cores = cores;
  }

  get listeners(): WeakRef<Listeners> | undefined {
    return this.#cores[0]!.watcher?.listeners;
  }

  set listeners(listeners: WeakRef<Listeners> | undefined) {
    for (const { watcher } of this.#cores) if (watcher !== undefined) watcher.listeners = listeners;
  }

  check(): readonly GuardReport[] {
    return this.#cores.flatMap(({ watcher }) => watcher?.check() ?? []);
  }
}
