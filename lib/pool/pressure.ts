// Memory pressure: looks now and then whether memory is scarce, and has the pools of this thread give back what they can
// do without. docs/PRESSURE.md tells how the level is found, and what each kind gives back.
import { Alarm } from '../addon/alarm.js';
import { environment } from '../addon/environment.js';
import { PRESSURE_LEVEL, RELIEF_STEP } from '../addon/generated/codes.js';
import { pressureFigures, pressureIntervalMs, stepWord, watchesPressure } from '../addon/pressure.js';
import type { NativePressure } from '../addon/pressure-binding.js';
import { builtins } from '../base/builtins.js';
import {
  type PressureFigures,
  type PressureLevel,
  pressureReason,
  type ReliefStep,
} from '../base/pressure.js';
import { type Core, openCores } from './cores.js';

/** The event `pressure` of a pool: memory is scarce, and the pool has given back what it could. */
export interface PoolPressureMessage {
  readonly pool: string;
  readonly level: Exclude<PressureLevel, 'none'>;
  /** The last step that was done: those before it were done, too. */
  readonly step: ReliefStep;
  /** Memory of the pool that went back to the operating system since the last such message. */
  readonly bytes: number;
  /** Objects that were destroyed; of a pool that lends objects. */
  readonly objects: number;
  /** Why memory is scarce, in words. */
  readonly reason: string;
}

/** Those who are told when the level has changed. They are called where nothing is half done. */
const levelListeners: ((now: PressureFigures, before: PressureLevel) => void)[] = [];

export function onPressureLevel(listener: (typeof levelListeners)[number]): void {
  levelListeners.push(listener);
}

/** What a function of the program throws must not keep the other pools from giving back. */
function withoutThrowing(call: () => void): void {
  try {
    call();
  } catch (error) {
    builtins.nextTick(() => {
      throw error;
    });
  }
}

/** The number of the last relief that this thread has seen to; none is wanted while there never was pressure. */
let relieved = 0;
/** What this thread's listeners know. */
let level: PressureLevel = 'none';

function tellLevel(now: PressureFigures): void {
  const before = level;
  if (now.level === before) return;
  level = now.level;
  for (const listener of levelListeners) withoutThrowing(() => listener(now, before));
}

/** What NativePool.relievedBytes() said last: others may have given back something since. */
const told = new WeakMap<Core, number>();

/** Has one pool do the steps up to `last`, in order, and tells of it. */
function relieve(
  core: Core,
  last: number,
  { level, reason }: { level: PressureLevel; reason: string },
): void {
  // The default pool's memory is that of all threads: of what went back before this one came nothing is its own.
  const before = told.get(core) ?? (core.heapId === 0 ? core.native.relievedBytes() : 0);
  let objects = 0;
  for (let step: number = RELIEF_STEP.caches; step <= last; step++) {
    // Whoever is told of what goes back may close it.
    if (openCores.get(core.id) !== core) return;
    objects += core.relieve(step);
  }
  const now = core.native.relievedBytes();
  told.set(core, now);
  const bytes = now - before;
  const message = { pool: core.name, level, step: stepWord(last), bytes, objects, reason };
  core.listeners?.deref()?.emit('pressure', message);
}

function heed(found: NativePressure): void {
  const figures = pressureFigures(found);
  tellLevel(figures);
  if (found.reliefs === relieved) return;
  if (found.level !== PRESSURE_LEVEL.none) {
    const why = { level: figures.level, reason: pressureReason(figures) };
    for (const core of [...openCores.values()]) withoutThrowing(() => relieve(core, found.step, why));
  }
  // Last: what is cut off is done again.
  relieved = found.reliefs;
}

/** Whether this thread's pools have something that could be given back. */
let isWanted = false;

const alarm = new Alarm(() => {
  // First of all: whatever is cut off or throws below, this comes again.
  alarm.ringWithin(pressureIntervalMs);
  heed(environment.pressure());
  stopAtRest();
});

/** Who was told of a level is told when it changes, too. */
function stopAtRest(): void {
  if (!isWanted && level === 'none') alarm.stop();
}

/** Looks from now on, until {@link stopWatchingPressure}. */
export function watchPressure(): void {
  isWanted = true;
  if (watchesPressure && !alarm.isSet) alarm.ringWithin(pressureIntervalMs);
}

/** Nothing of this thread's pools is left that could be given back. */
export function stopWatchingPressure(): void {
  isWanted = false;
  stopAtRest();
}
