import { check } from '../../addon/binding.js';
import { environment } from '../../addon/environment.js';
import type { KnobOptions } from '../../addon/generated/options.js';
import { begin } from '../../pool/unfinished.js';
import { scheduleUpkeep } from '../../pool/upkeep.js';
import { OpeningPool } from '../opening-pool.js';
import { optionPairs } from '../pool-options.js';
import { ObjectCore } from './core.js';
import type { ObjectSettings } from './options.js';
import type { ObjectPoolTeller } from './telling.js';

/**
 * Opens a native pool, whose heap will hold nothing, and a core over it.
 * @returns also an entry that the caller finishes when somebody has the pool
 * @throws ERR_SUPERSLAB_OPTION
 */
export function openCore<T>(
  name: string,
  settings: ObjectSettings<T>,
  knobs: KnobOptions,
  teller: ObjectPoolTeller,
): { core: ObjectCore<T>; opening: OpeningPool } {
  scheduleUpkeep();
  const opening = begin(new OpeningPool());
  opening.opened = environment.openPool(optionPairs(knobs), name);
  return { core: new ObjectCore<T>(name, check(opening.opened), settings, teller), opening };
}
