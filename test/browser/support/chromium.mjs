// Chromium without a screen, with nothing of it that looks for a network.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { isMissing } from '../../support/tools.mjs';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Why tests that need a browser are skipped; undefined when there is one. $CHROMIUM is where another one lies. */
export const missing = existsSync(executablePath) ? undefined : isMissing(executablePath, 'chromium');

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
