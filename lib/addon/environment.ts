import type { LeaseCache } from '../pool/lease-cache.js';
import { binding, check, type Facts, SIGNAL } from './binding.js';

/** The pools of this environment that are not closed, by their native id. */
export const openCaches = new Map<number, LeaseCache>();

/** Closed pools of which something was still out when we last looked. */
export const closingCaches = new Set<LeaseCache>();

/** Other threads asked for something: to give up what is cached, or to try again. */
function onSignal(): void {
  for (const [id, cache] of openCaches) {
    const signals = binding.takeSignals(id);
    if ((signals & SIGNAL.flush) !== 0) {
      cache.guard?.unpark();
      binding.flush(id);
    }
    if ((signals & SIGNAL.roomMade) !== 0) cache.waiters.serve();
  }
}

/** Attaches this environment to the core. Throws ERR_SUPERSLAB_ENV for a wrong SUPERSLAB_* variable. */
export const facts: Facts = check(binding.attach(onSignal));
