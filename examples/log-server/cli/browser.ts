import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Longer than a browser takes to start and read its first page. */
const KEPT_MS = 15_000;

/**
 * Opens a page in the user's browser, where there is one to open it in; without, nothing happens. `url` may hold
 * a token: every user can read the command lines of a machine's programs, so the browser is given a file that
 * leads there, which only its user can read, and which is gone soon.
 */
export function openInBrowser(url: string): void {
  const command = { darwin: 'open', linux: 'xdg-open' }[process.platform as string];
  const hasScreen = process.platform === 'darwin' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY;
  if (command === undefined || !hasScreen) return;
  const folder = mkdtempSync(join(tmpdir(), 'log-server-'));
  const file = join(folder, 'inspector.html');
  writeFileSync(file, `<!doctype html><meta http-equiv="refresh" content="0; url=${encodeURI(url)}">\n`, {
    mode: 0o600,
  });
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  setTimeout(remove, KEPT_MS).unref();
  const child = spawn(command, [pathToFileURL(file).href], { stdio: 'ignore', detached: true });
  // Not installed: the address was printed.
  child.on('error', () => {});
  child.unref();
}
