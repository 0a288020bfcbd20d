// How a page with a token is opened: nobody else may come to see the token.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openInBrowser } from '../examples/log-server/cli/browser.ts';
import { internal } from './support/internal.js';

const { openPage } = internal<typeof import('../lib/cli/open-page.js')>('cli/open-page');

const TOKEN = 'd2hvIHJlYWRzIHRoaXM';
const URL_WITH_TOKEN = `http://127.0.0.1:9300/${TOKEN}/`;

const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
let folder: string;
let said: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'superslab-open-'));
  said = path.join(folder, 'said');
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  vi.stubEnv('DISPLAY', ':0');
  vi.stubEnv('TMPDIR', folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** A browser that writes down what it was started with. */
function installBrowser(): void {
  writeFileSync(
    path.join(folder, opener),
    `#!/bin/sh\nprintf '%s' "$*" > ${said}.part\nmv ${said}.part ${said}\n`,
    {
      mode: 0o755,
    },
  );
}

/** The file that the browser was given. */
async function givenFile(): Promise<string> {
  await vi.waitFor(() => expect(existsSync(said)).toBe(true), { timeout: 10_000 });
  const given = readFileSync(said, 'utf8');
  expect(given).not.toContain(TOKEN);
  expect(given).toMatch(/^file:\/\//);
  return fileURLToPath(given);
}

function expectOnlyOurs(file: string): void {
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
  expect(readFileSync(file, 'utf8')).toContain(`content="0; url=${URL_WITH_TOKEN}"`);
}

describe('superslab inspect', () => {
  test('gives the browser a file that only its user can read, and that is gone afterwards', async () => {
    installBrowser();
    const ending = new AbortController();
    const opened = openPage(URL_WITH_TOKEN, ending.signal);
    const file = await givenFile();
    expectOnlyOurs(file);
    ending.abort();
    await opened;
    expect(existsSync(path.dirname(file))).toBe(false);
  });

  test('leaves nothing behind where there is no browser', async () => {
    vi.stubEnv('PATH', folder);
    await openPage(URL_WITH_TOKEN);
    expect(existsSync(said)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('cannot be led astray by the address', async () => {
    installBrowser();
    const ending = new AbortController();
    const opened = openPage('http://127.0.0.1:1/?a=1&b="><script>', ending.signal);
    const page = readFileSync(await givenFile(), 'utf8');
    expect(page).toContain('?a=1&#38;b=&#34;&#62;&#60;script&#62;"');
    ending.abort();
    await opened;
  });
});

test('the log server does the same', async () => {
  installBrowser();
  openInBrowser(URL_WITH_TOKEN);
  expectOnlyOurs(await givenFile());
});
