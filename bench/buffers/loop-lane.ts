// A process that runs one variant of one case. Arguments: the variant, the case as JSON.
import { serve } from '../../lib/cli/bench/lane.js';
import { Timer, type Turn } from '../../lib/cli/bench/turns.js';
import type { LoopCase } from './cases.js';
import { loopOf } from './loops.js';
import { memoryOf, type Variant } from './variants.js';

const [variant, json] = process.argv.slice(2) as [Variant, string];
const work = JSON.parse(json) as LoopCase;
const timer = new Timer(loopOf(work, memoryOf(variant, work)));

serve<Turn, number>((turn) => timer.take(turn));
