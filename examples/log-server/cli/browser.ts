import { spawn } from 'node:child_process';

/** Opens a page in the user's browser, where there is one to open it in; without, nothing happens. */
export function openInBrowser(url: string): void {
  const command = { darwin: 'open', linux: 'xdg-open' }[process.platform as string];
  const hasScreen = process.platform === 'darwin' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY;
  if (command === undefined || !hasScreen) return;
  const child = spawn(command, [url], { stdio: 'ignore', detached: true });
  // Not installed: the address was printed.
  child.on('error', () => {});
  child.unref();
}
