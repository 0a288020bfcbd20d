import { LF, SPACE, ZERO } from './ascii.js';

/** Bytes that a count and its space can take. */
export const MAX_FRAME_HEADER = 10;

/**
 * Writes the start of an octet-counted frame for a message of `length` bytes at `at` and returns the position where
 * the message goes. There is no count of zero in RFC 6587, so an empty message is framed as an empty line.
 */
export function writeFrameHeader(bytes: Uint8Array, at: number, length: number): number {
  if (length === 0) {
    bytes[at] = LF;
    return at + 1;
  }
  let digits = 1;
  for (let rest = length; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  let rest = length;
  for (let position = at + digits - 1; position >= at; position--) {
    bytes[position] = ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  bytes[at + digits] = SPACE;
  return at + digits + 1;
}
