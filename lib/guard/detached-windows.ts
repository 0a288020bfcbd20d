// Windows that the program has detached, and with each the bytes of all leases in it: only before Node 24.15, where nothing
// can keep it from that.
import type { SliceIndex } from '../addon/binding.js';
import { facts } from '../addon/environment.js';
import { noteMisuse } from '../addon/misuse-sites.js';
import { CapturedStack } from '../base/stack.js';
import { HOME_SHIFT, homes, lenderOfHome } from '../pool/magazines.js';
import { onDetachedWindow } from '../pool/windows.js';
import { warn } from './publishing.js';

const FRAMES = 8;

function tellDetached(slice: SliceIndex, leases: number): void {
  const home = homes.table[slice] ?? 0;
  const pool = lenderOfHome(home)?.name ?? '';
  const size = facts.bytesOfTag[home & ((1 << HOME_SHIFT) - 1)] ?? 0;
  const lost = leases === 1 ? '1 lease' : `${leases} leases`;
  const detail = `${lost} of it lost their bytes`;
  const noticed = new CapturedStack(FRAMES, tellDetached).text;
  const about = { pool, tag: '', size, acquired: '', released: '' };
  const count = noteMisuse('window-detached', about, detail, noticed);
  const message = () =>
    `the program detached an ArrayBuffer in which pool "${pool}" had ${lost}: their length is 0 now, and they read as ` +
    'undefined. Byte streams (enqueue(), BYOB readers) and ArrayBuffer.prototype.transfer do that, and Node.js lets ' +
    'them before 24.15: give them Buffer.from(buf), a copy. With SUPERSLAB_LEAK_DETECTION=full only the buffer itself ' +
    'is lost, and reported with its stack.' +
    (noticed === '' ? '' : `\n  noticed\n${noticed}`);
  warn('window-detached', message, count);
}

onDetachedWindow(tellDetached);
