/** So many are kept of each generation. */
const MOST = 2048;

/**
 * Entries that were used lately, by their keys: those of this generation, and those of the one before. Nothing has to be taken out when a
 * value changes: its entry no longer agrees with the index.
 */
export class LateEntries<Found> {
  #young = new Map<string, Found>();
  #old = new Map<string, Found>();

  get(key: string): Found | undefined {
    const entry = this.#young.get(key);
    return entry === undefined ? this.#fromOld(key) : entry;
  }

  #fromOld(key: string): Found | undefined {
    const entry = this.#old.get(key);
    if (entry !== undefined) this.set(key, entry);
    return entry;
  }

  set(key: string, entry: Found): void {
    if (this.#young.size >= MOST) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, entry);
  }
}
