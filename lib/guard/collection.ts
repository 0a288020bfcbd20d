// Tells when the ArrayBuffers of slots are collected: see Slot.
import type { Slot } from './slot.js';

/** Told of the last ArrayBuffer of a slot, or of one before. */
const registry = new FinalizationRegistry<{ slot: Slot; window: number }>(({ slot, window }) => {
  if (slot.window === window) slot.guard.collected(slot);
});

/** The slot's guard learns of the end of `memory`, and not of that before it. */
export function awaitCollection(slot: Slot, memory: ArrayBuffer): void {
  ignoreCollection(slot);
  registry.register(memory, { slot, window: slot.window }, slot);
  slot.registered = true;
}

export function ignoreCollection(slot: Slot): void {
  if (!slot.registered) return;
  registry.unregister(slot);
  slot.registered = false;
}
