// The page as `superslab inspect PID` serves it, for a process that serves nothing but its socket.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { packageRoot } from '../support/child.js';
import { startProcess } from '../support/running.js';
import { launch, missing } from './support/chromium.mjs';
import { openPage } from './support/page.js';

const folder = mkdtempSync(path.join(tmpdir(), 'superslab-page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = `
  import { acquire } from 'superslab';
  const held = [acquire(100), acquire(5000)];
  setInterval(() => { for (let i = 0; i < 20000; i++) acquire(1500).release(); held.length; }, 50);
  console.log('ready');`;

test.skipIf(missing)(
  `superslab inspect${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  async () => {
    const env = { XDG_RUNTIME_DIR: folder };
    await using running = await startProcess(program, { env: { ...env, SUPERSLAB_INSPECT: 'socket' } });
    const command = spawn(
      process.execPath,
      [path.join(packageRoot, 'bin/superslab.js'), 'inspect', String(running.pid)],
      {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const browser = await launch();
    try {
      const [line] = await once(command.stdout.setEncoding('utf8'), 'data');
      const { page, complaints } = await openPage(browser, String(line).trim());
      expect(await page.title()).toContain(String(running.pid));
      const text = (selector: string) => page.locator(selector).innerText();
      await expect.poll(() => text('#map-summary')).toMatch(/^[1-9]\d* superslabs? · .* committed$/);
      await expect
        .poll(() => text('#figure-throughput .figure'), { timeout: 10_000 })
        .toMatch(/\d\u202f[kM]$/);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
      command.kill('SIGTERM');
      if (command.exitCode === null) await once(command, 'exit');
    }
  },
);
