import type { SliceTag } from '../addon/binding.js';
import { facts } from '../addon/environment.js';
import { GRANULE_SHIFT } from '../addon/generated/memory.js';
import { builtins } from '../base/builtins.js';

const { tagOfGranules, bytesOfTag } = facts;

/** Slabs begin at multiples of so many bytes, plus a colour that is a multiple of what their blocks are. */
const SLICE_BYTES = 64 * 1024;
/** Of blocks that are superslabs: they are aligned to their own size. */
const LAST_TAG = bytesOfTag.length - 1;

/** The largest alignment of a block in a slab. */
export const MAX_ALIGN = bytesOfTag[LAST_TAG]!;

/** Each block begins at a multiple of it. */
export const GRANULE_BYTES = 1 << GRANULE_SHIFT;

/** The class of the smallest blocks of `bytes`, at most 2 MiB, that all begin at multiples of `align`, a power of two. */
export function tagAlignedTo(bytes: number, align: number): SliceTag {
  if (align > SLICE_BYTES) return LAST_TAG;
  let tag = tagOfGranules[(bytes + 63) >>> GRANULE_SHIFT]!;
  while (bytesOfTag[tag]! % align !== 0) tag++;
  return tag;
}

/** By granules, as facts.tagOfGranules: the classes of blocks that begin at multiples of `align`; undefined where all do. */
export function tagsAlignedTo(align: number): Uint8Array | undefined {
  if (align <= GRANULE_BYTES) return undefined;
  const tags = new builtins.Uint8Array(tagOfGranules.length);
  for (let granules = 1; granules < tags.length; granules++) {
    tags[granules] = tagAlignedTo(granules << GRANULE_SHIFT, align);
  }
  return tags;
}
