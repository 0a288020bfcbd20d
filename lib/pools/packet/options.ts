import { aCount, checkOptions, optionError } from '../../addon/option-checks.js';
import {
  type FixedPoolOptions,
  type FixedSettings,
  MAX_SIZE,
  oneSizeChecks,
  settingsOf,
} from '../fixed/options.js';
import type { PacketLayout } from './segment.js';

/** What can be set for a {@link PacketPool}. The knobs of docs/KNOBS.md hold too, but for those that `max` decides. */
export interface PacketPoolOptions extends Omit<FixedPoolOptions, 'size'> {
  /**
   * Memory of each segment, headroom and tailroom included, from 1 to 2 MiB. Unit: bytes.
   * @default 2048
   */
  size?: number;
  /**
   * Bytes in front of what a packet begins with, for headers that are pushed later. Unit: bytes.
   * @default 128
   */
  headroom?: number;
  /**
   * Bytes that `from()`, `copy()`, `writer()` and `readFrom()` leave at the end of each segment, for trailers that are put later.
   * Unit: bytes.
   * @default 0
   */
  tailroom?: number;
}

const checks = {
  ...oneSizeChecks,
  headroom: aCount(0, MAX_SIZE),
  tailroom: aCount(0, MAX_SIZE),
};

export interface PacketSettings extends FixedSettings, PacketLayout {}

/** @throws ERR_SUPERSLAB_OPTION */
export function packetSettings(options: PacketPoolOptions): PacketSettings {
  checkOptions('PacketPool()', options, checks);
  const { headroom = 128, tailroom = 0, size = 2048, ...others } = options;
  if (headroom + tailroom >= size) {
    throw optionError(
      `headroom and tailroom of PacketPool() must leave room for data in a size of ${size}, got ${headroom} and ${tailroom}`,
      RangeError,
    );
  }
  return { ...settingsOf('PacketPool()', { ...others, size }), headroom, tailroom };
}
