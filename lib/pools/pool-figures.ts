import type { LeakSite } from '../addon/figures.js';
import type { Core } from '../pool/cores.js';
import type { Advice } from '../stats/advice/advice.js';
import { adviceFacts } from '../stats/advice/facts.js';
import { adviceOn } from '../stats/advice/index.js';
import type { PoolStats } from '../stats/pool-stats.js';
import { readStats, settledStats } from '../stats/read-stats.js';
import { reportText } from '../stats/report.js';
import { reportContext } from '../stats/report-context.js';

/** What a pool of any kind tells of itself. */
export class PoolFigures {
  readonly #core: Pick<Core, 'native' | 'name' | 'threadFigures'> & { readonly closed: boolean };
  #last: PoolStats | undefined;

  constructor(core: Pick<Core, 'native' | 'name' | 'threadFigures'> & { readonly closed: boolean }) {
    this.#core = core;
  }

  /** To be called before the pool is closed, too: they are the last ones for a pool that has everything back. */
  stats(): PoolStats {
    const { native, name, closed } = this.#core;
    const stats = native.stats();
    this.#last =
      stats === undefined
        ? settledStats(this.#last!)
        : { ...readStats(stats, this.#core.threadFigures()), name, closed };
    return this.#last;
  }

  report(): string {
    return reportText(this.stats(), reportContext());
  }

  advice(): Advice[] {
    const { knobs, uptimeMs } = reportContext();
    return adviceOn(this.stats(), adviceFacts(knobs, uptimeMs));
  }

  leaks(): readonly LeakSite[] {
    return this.#core.native.leakSites();
  }
}
