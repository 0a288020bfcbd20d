// A process that runs one variant of one case of `bench -- pools generational`. Arguments: the variant, the case.
import { serve } from '../../lib/cli/bench/lane.js';
import { type Loop, Timer, type Turn } from '../../lib/cli/bench/turns.js';
import { footprintAfter, longestStep } from './generational-measures.js';
import { type GenerationalVariant, requestsOf, VALUES_PER_REQUEST } from './generational-variants.js';

/** requests: nanoseconds per value; step: the longest step of a collection; footprint: committed bytes after many requests. */
export type GenerationalCase = 'requests' | 'step' | 'median step' | 'footprint';

const [variant, work] = process.argv.slice(2) as [GenerationalVariant, GenerationalCase];

function requests(): Loop {
  const request = requestsOf(variant).run;
  return {
    run: (n) => {
      for (let i = 0; i < n; i++) request();
    },
    settles: 50_000,
  };
}

if (work === 'requests') {
  const timer = new Timer(requests());
  serve<Turn, number>((turn) => timer.take(turn) / VALUES_PER_REQUEST);
} else {
  serve<Turn, number>(({ ms }) =>
    work === 'footprint' ? footprintAfter(ms) : longestStep(work === 'median step' ? 0.5 : 1),
  );
}
