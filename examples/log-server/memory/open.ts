import type { Memory, MemoryKind } from './memory.js';

/** Loads one kind of memory only: a process that serves on Node's own buffers has no native code of superslab in it. */
export async function openMemory(kind: MemoryKind): Promise<Memory> {
  if (kind === 'plain') return (await import('./plain.js')).plainMemory;
  if (kind === 'pooled') return (await import('./pooled.js')).pooledMemory;
  return (await import('./superslab.js')).superslabMemory;
}
