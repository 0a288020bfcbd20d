// A process that runs the loops of one variant. Arguments: its name.
import { serve } from '../support/lane.js';
import { type Loop, type TimedRequest, Timer } from '../support/rounds.js';
import { type LoopCase, loopCaseName } from './cases.js';
import { loopOf } from './loops.js';
import { memoryOf, type Variant } from './variants.js';

const variant = process.argv[2] as Variant;
const timer = new Timer();
const loops = new Map<string, Loop>();

serve<TimedRequest<LoopCase>, number>(({ work, ms }) => {
  const key = loopCaseName(work);
  let loop = loops.get(key);
  if (loop === undefined) {
    loop = loopOf(work, memoryOf(variant, work));
    loops.set(key, loop);
  }
  return timer.time(loop, ms);
});
