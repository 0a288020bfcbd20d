// Opens a page in the browser of whoever sits in front of it.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

/** Longer than a browser takes to start and read its first page. */
const KEPT_MS = 15_000;

const inHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** A page that leads to `url`. */
const leadingTo = (url: string) =>
  `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">` +
  `<meta http-equiv="refresh" content="0; url=${inHtml(url)}"><a href="${inHtml(url)}">superslab inspector</a>\n`;

/** Whether somebody would see it: elsewhere there is nothing to open a page with. */
export function hasScreen(): boolean {
  return process.platform === 'darwin' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

/**
 * Opens `url`, which holds a token, without showing it to others: every user can read the command lines of a
 * machine's programs, so the browser is given a file that only its user can read. Resolves when that is gone
 * again, soon after `signal` at the latest. Where there is no browser nothing happens: the address is printed.
 */
export async function openPage(url: string, signal?: AbortSignal): Promise<void> {
  // Of mode 0700.
  const folder = mkdtempSync(path.join(tmpdir(), 'superslab-inspector-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    const file = path.join(folder, 'inspector.html');
    writeFileSync(file, leadingTo(url), { mode: 0o600, flag: 'wx' });
    const opener = spawn(process.platform === 'darwin' ? 'open' : 'xdg-open', [pathToFileURL(file).href], {
      stdio: 'ignore',
      detached: true,
    });
    const failed = new Promise<void>((resolve) => opener.on('error', () => resolve()));
    opener.unref();
    await Promise.race([
      failed,
      sleep(KEPT_MS, undefined, signal === undefined ? {} : { signal }).catch(() => {}),
    ]);
  } finally {
    process.off('exit', remove);
    remove();
  }
}
