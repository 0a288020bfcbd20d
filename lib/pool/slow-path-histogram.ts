import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { now } from '../addon/clock.js';

/** How long a pool's slow path takes, recorded from the first time that somebody asks on. */
export class SlowPathHistogram {
  #histogram: RecordableHistogram | undefined;

  /** The same object each time. */
  get histogram(): RecordableHistogram {
    this.#histogram ??= createHistogram();
    return this.#histogram;
  }

  /** For stop(): the time now, or 0 when nobody asked. */
  start(): number {
    return this.#histogram === undefined ? 0 : now();
  }

  stop(start: number): void {
    // Histograms begin at 1.
    if (start !== 0) this.#histogram!.record(Math.max(1, Math.round((now() - start) * 1e6)));
  }
}
