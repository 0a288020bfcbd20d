/**
 * Where the server's bytes live: receive buffers, parsed entries and archive blocks. The server is written once,
 * against this; a process runs on one of the implementations.
 *
 * The rules are those of any reference count. Who acquires holds one reference. Who keeps the buffer beyond the
 * call that handed it over retains it, and releases it when done. Nobody touches a buffer after its release.
 */
export interface Memory {
  readonly kind: MemoryKind;
  /** A buffer of exactly `size` bytes with undefined contents and one reference. */
  acquire(size: number): Buffer;
  /** Adds a reference. */
  retain(buffer: Buffer): void;
  /** Gives a reference back; the last one gives the memory back. */
  release(buffer: Buffer): void;
}

export const MEMORY_KINDS = ['superslab', 'pooled', 'plain'] as const;

export type MemoryKind = (typeof MEMORY_KINDS)[number];
