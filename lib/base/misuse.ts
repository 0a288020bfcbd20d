/**
 * written-after-release: somebody changed a block after its release, found when it was to be leased again or left
 * the quarantine.
 * overflow: bytes behind a buffer were overwritten.
 * detached: the program took the buffer's ArrayBuffer away (`transfer()`, a transfer list) and released it then.
 * detached-after-release: it did so with a buffer that it had released, found when the block was to be leased again
 * or left the quarantine.
 */
export type GuardMisuseKind = 'written-after-release' | 'overflow' | 'detached' | 'detached-after-release';

/** Misuse that a guard found. */
export interface GuardReport {
  readonly kind: GuardMisuseKind;
  readonly pool: string;
  readonly tag: string;
  /** Length of the buffer. */
  readonly size: number;
  /** Of the first wrong byte, from the start of the buffer; -1 when there is none. */
  readonly offset: number;
  /** At most 16 bytes from there on, in hexadecimal; empty in pools that clear at release. */
  readonly bytes: string;
  /** Where the buffer was acquired; empty when no stack was kept. */
  readonly acquired: string;
  /** Where it was released; empty while it is out. */
  readonly released: string;
  /** All of it in words. */
  readonly message: string;
}

/**
 * What can be done wrong with a buffer, leaks apart: what guards find, and what is looked for always.
 *
 * released-twice: `release()` of a buffer that had been released.
 * used-after-release: `retain()` or `share()` of one.
 * foreign: the same of what is no buffer of superslab, such as a slice of one.
 * window-detached: the program took an ArrayBuffer away in which several buffers lie (docs/BUFFERS.md).
 */
export type MisuseKind =
  | GuardMisuseKind
  | 'released-twice'
  | 'used-after-release'
  | 'foreign'
  | 'window-detached';

/** Misuse of one kind at one place of the program. */
export interface MisuseSite {
  readonly kind: MisuseKind;
  /** Empty for what is no buffer of a pool. */
  readonly pool: string;
  readonly tag: string;
  /** Length of the last of the buffers. Unit: bytes. */
  readonly size: number;
  /** How many there were. */
  readonly count: number;
  /** When the first and the last were found. Unit: ms since 1970. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** Which bytes of the last one were wrong, in words; empty where it is not about bytes. None of pools that clear. */
  readonly detail: string;
  /** Where the buffer was acquired; empty when no stack was kept: leak detection and guards keep them. */
  readonly acquired: string;
  /** Where it was released, likewise. */
  readonly released: string;
  /** Where the error was thrown, or a detached ArrayBuffer found; empty for what guards find, later than it was made. */
  readonly noticed: string;
}

/** What is known of a buffer that was misused. */
export interface MisusedBuffer {
  readonly pool: string;
  readonly tag: string;
  readonly size: number;
  readonly acquired: string;
  readonly released: string;
}

/** Where a buffer was acquired and released, as far as it is known, for the end of a message. */
export function misuseText({ acquired, released }: { acquired: string; released: string }): string {
  return (
    (acquired === '' ? '' : `\n  acquired\n${acquired}`) +
    (released === '' ? '' : `\n  released\n${released}`)
  );
}
