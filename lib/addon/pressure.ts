// How scarce memory is, in words instead of codes.
import type { PressureFigures, PressureLevel, PressureReason, ReliefStep } from '../base/pressure.js';
import { environment, facts } from './environment.js';
import { PRESSURE_LEVEL, PRESSURE_REASON, RELIEF_STEP } from './generated/codes.js';
import type { NativePressure } from './pressure-binding.js';

const wordsOf = (table: Readonly<Record<string, number>>): readonly string[] => {
  const words: string[] = [];
  for (const [word, code] of Object.entries(table)) words[code] = word;
  return words;
};

const levels = wordsOf(PRESSURE_LEVEL);
const reasons = wordsOf(PRESSURE_REASON);
const steps = wordsOf(RELIEF_STEP);

export const stepWord = (step: number): ReliefStep => steps[step] as ReliefStep;

export function pressureFigures(native: NativePressure = environment.pressure()): PressureFigures {
  const { share, limitBytes, rises, changedAtMs } = native;
  return {
    level: levels[native.level] as PressureLevel,
    reason: reasons[native.reason] as PressureReason,
    share,
    limitBytes,
    rises,
    changedAtMs,
    step: stepWord(native.step),
  };
}

const numberOf = (variable: string): number =>
  Number(facts.knobs.find((knob) => knob.variable === variable)!.value);

/** Whether anybody looks. */
export const watchesPressure = numberOf('SUPERSLAB_PRESSURE') === 1;
/** How often. */
export const pressureIntervalMs = numberOf('SUPERSLAB_PRESSURE_INTERVAL_MS');
