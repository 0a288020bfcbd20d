import type { NativePool, SliceTag } from '../addon/binding.js';
import { facts } from '../addon/environment.js';
import { GRANULE_SHIFT, HUGE_TAG } from '../addon/generated/memory.js';
import { tagAlignedTo } from '../pool/aligned-tags.js';
import type { GuardSettings } from './settings.js';

const { tagOfGranules, bytesOfTag } = facts;
const MAX_CLASS_BYTES = (tagOfGranules.length - 1) << GRANULE_SHIFT;

/** Bytes behind each buffer that no one should touch, at least. */
const MIN_CANARY_BYTES = 16;
/** A block of many MiB may have half a MiB to spare, which is not touched for this. */
const MAX_CANARY_BYTES = 4096;

/** What of the settings decides how large blocks are. */
export type SizeSettings = Pick<GuardSettings, 'hasCanaries' | 'detaches' | 'pageBytes' | 'align'>;

/** Bytes of memory that a lease of `size` bytes needs. */
function bytesFor(size: number, { hasCanaries, detaches, pageBytes }: SizeSettings): number {
  const bytes = hasCanaries ? size + MIN_CANARY_BYTES : size;
  // Pages of its own, so that what is revoked is nobody else's.
  return detaches ? Math.ceil(bytes / pageBytes) * pageBytes : bytes;
}

/** The class for `bytes`, or HUGE_TAG; with `detach` a class whose blocks are whole pages. */
function tagFor(bytes: number, { detaches, pageBytes, align }: SizeSettings): SliceTag {
  if (bytes > MAX_CLASS_BYTES) return HUGE_TAG;
  return tagAlignedTo(bytes, detaches ? Math.max(pageBytes, align) : align);
}

/** The class of the blocks of watched leases of `size` bytes, or HUGE_TAG. */
export const watchedTag = (size: number, settings: SizeSettings): SliceTag =>
  tagFor(bytesFor(size, settings), settings);

/** How much memory the watched leases of a pool take. */
export class LeaseSizes {
  readonly #settings: GuardSettings;
  readonly #pool: NativePool;

  constructor(settings: GuardSettings, pool: NativePool) {
    this.#settings = settings;
    this.#pool = pool;
  }

  /** Bytes of memory that a lease of `size` bytes needs. */
  bytesFor(size: number): number {
    return bytesFor(size, this.#settings);
  }

  /** The class for `bytes`, or HUGE_TAG; with `detach` a class whose blocks are whole pages. */
  tagFor(bytes: number): SliceTag {
    return tagFor(bytes, this.#settings);
  }

  /** Bytes of the block that a lease of `size` bytes takes. */
  capacityFor(size: number): number {
    const bytes = this.bytesFor(size);
    const tag = this.tagFor(bytes);
    return tag === HUGE_TAG ? this.#pool.hugeCapacity(bytes) : bytesOfTag[tag]!;
  }

  /** Where the canary behind a lease of `size` bytes ends, in a block of `capacity`; `size` without one. */
  canaryEnd(size: number, capacity: number): number {
    return this.#settings.hasCanaries ? Math.min(capacity, size + MAX_CANARY_BYTES) : size;
  }
}
