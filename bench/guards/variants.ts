import { BufferPool, type BufferPoolOptions } from 'superslab';
import type { Memory } from '../buffers/variants.js';

/** What is turned on, in the order of the table's columns; the first is what the others are compared with. */
export const MODES = {
  off: {},
  sampled: { leakDetection: 'sampled' },
  full: { leakDetection: 'full' },
  poison: { guard: 'poison' },
  canary: { guard: 'canary' },
  detach: { guard: 'detach' },
} as const satisfies Record<string, BufferPoolOptions>;

export type Mode = keyof typeof MODES;

export function memoryOf(mode: Mode): Memory {
  return new BufferPool({ name: 'bench', ...MODES[mode] });
}
