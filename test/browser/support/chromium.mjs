// Chromium without a screen, with nothing of it that looks for a network.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Why there is no browser, with the line that brings one; undefined when there is one. */
export const missing = existsSync(executablePath)
  ? undefined
  : `no ${executablePath}: apt-get install -y chromium (or set CHROMIUM)`;

// No new-process sandbox: the tests run as root in containers. Playwright makes a fresh profile each time.
export const launch = () =>
  chromium.launch({
    executablePath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
