// A process that runs one variant of one case of `bench -- pools packet`. Arguments: the variant, the case as JSON.
import { serve } from '../../lib/cli/bench/lane.js';
import { type Loop, Timer, type Turn } from '../../lib/cli/bench/turns.js';
import { type PacketCase, type PacketVariant, packetLoop } from './packet-loops.js';

const [variant, json] = process.argv.slice(2) as [PacketVariant, string];
const loop: Loop = { run: packetLoop(variant, JSON.parse(json) as PacketCase), settles: 64 };
const timer = new Timer(loop);

serve<Turn, number>((turn) => timer.take(turn));
