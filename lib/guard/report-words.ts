// What reports of leaks and of misuse say in the same words.
import type { GuardReport } from '../base/misuse.js';

/** Which bytes are wrong, if it is about bytes. Those of pools that clear at release are not told. */
export function detailOf({ offset, bytes }: Pick<GuardReport, 'offset' | 'bytes'>): string {
  if (offset < 0) return '';
  return bytes === ''
    ? `from offset ${offset} on (the pool clears what is released, so the bytes are not shown)`
    : `offset ${offset} holds ${bytes}`;
}

export function poolText(pool: string, tag: string): string {
  return tag === '' ? `pool "${pool}"` : `pool "${pool}", tag "${tag}"`;
}
