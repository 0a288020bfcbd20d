/**
 * written-after-release: somebody changed a block after its release, found when it was to be leased again or left
 * the quarantine.
 * overflow: bytes behind a buffer were overwritten.
 * detached: the program took the buffer's ArrayBuffer away (`transfer()`, a transfer list) and released it then.
 */
export type GuardFault = 'written-after-release' | 'overflow' | 'detached';

/** A mistake that a guard found. */
export interface GuardReport {
  readonly fault: GuardFault;
  readonly pool: string;
  readonly tag: string;
  /** Length of the buffer. */
  readonly size: number;
  /** Of the first wrong byte, from the start of the buffer; -1 when there is none. */
  readonly offset: number;
  /** At most 16 bytes from there on, in hexadecimal. */
  readonly bytes: string;
  /** Where the buffer was acquired; empty when no stack was kept. */
  readonly acquired: string;
  /** Where it was released; empty while it is out. */
  readonly released: string;
  /** All of it in words. */
  readonly message: string;
}
