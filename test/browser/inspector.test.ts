// The inspector's page over real processes.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../support/child.js';
import { launch, missing } from './support/chromium.mjs';
import { colours, openPage } from './support/page.js';

const main = join(packageRoot, 'dist-dev/examples/log-server/main.js');

describe.skipIf(missing)(
  `the page of a process${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let browser: Browser;
    const children: ChildProcess[] = [];

    beforeAll(async () => {
      browser = await launch();
    });
    afterEach(async () => {
      for (const context of browser.contexts()) await context.close();
      for (const child of children.splice(0)) {
        const exit = child.exitCode === null ? once(child, 'exit') : undefined;
        child.kill('SIGKILL');
        await exit;
      }
    });
    afterAll(() => browser?.close());

    /** Runs Node until it prints a line in which `pattern` finds something. */
    async function startProcess(args: string[], pattern: RegExp, env: Record<string, string> = {}) {
      const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SUPERSLAB_'));
      const child = spawn(process.execPath, args, {
        cwd: packageRoot,
        env: { ...Object.fromEntries(inherited), ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      children.push(child);
      let said = '';
      child.stderr.on('data', (text) => {
        said += text;
      });
      const printed: string[] = [];
      for await (const line of createInterface({ input: child.stdout })) {
        printed.push(line);
        const found = pattern.exec(line)?.[1];
        if (found !== undefined) return { child, found, printed };
      }
      throw new Error(`ended without ${pattern}:\n${printed.join('\n')}\n${said}`);
    }

    /** A process with an inspector; `script` is a module that sees `superslab`. */
    const inspected = async (script: string, env: Record<string, string> = {}, node: string[] = []) => {
      const begin = `import superslab from 'superslab'; import { startInspector } from 'superslab/inspector';`;
      const end = `console.log((await startInspector()).url); process.stdin.resume();`;
      const args = [...node, '--input-type=module', '-e', `${begin}\n${script}\n${end}`];
      const { child, found } = await startProcess(args, /^(http\S+)$/, env);
      return { child, url: found };
    };

    const text = (page: Page, selector: string) => page.locator(selector).innerText();

    test('it loads, and follows what the process does', async () => {
      const { url, child } = await inspected(`
      const { acquire } = superslab;
      const held = Array.from({ length: 300 }, (_, i) => acquire(1 << (6 + (i % 15))));
      setInterval(() => { for (let i = 0; i < 20000; i++) acquire(1500).release(); }, 50);
    `);
      const { page, requests, complaints } = await openPage(browser, url);
      expect(await page.title()).toContain(String(child.pid));
      expect(await text(page, '#map-summary')).toMatch(/^[1-9]\d* superslabs? · .* committed$/);
      await expect
        .poll(() => text(page, '#figure-throughput .figure'), { timeout: 10_000 })
        .toMatch(/\d\u202f[kM]$/);
      await expect.poll(() => text(page, '#figure-hitRate .figure')).toMatch(/^(100|99[.\d]*)\u202f%$/);
      expect((await colours(page)).size).toBeGreaterThan(4);
      // Somebody looks: sizes and lifetimes of leases are sampled.
      await page.click('#tab-pools');
      await expect
        .poll(() => text(page, '#pools-body .histograms'), { timeout: 10_000 })
        .toMatch(/Sizes asked for half below 2\u202fKiB.*Lifetimes half below/s);
      await page.click('#tab-slabs');
      await expect.poll(() => text(page, '#slabs-body')).toMatch(/1\u202fMiB\s+default/);
      await page.click('#tab-knobs');
      expect(await text(page, '#knobs-body')).toContain('SUPERSLAB_PURGE_DELAY_MS');
      for (const one of requests) expect(one.startsWith(url)).toBe(true);
      expect(complaints).toEqual([]);
    });

    test('a leak that happens while one looks is shown, with the stack that acquired it', async () => {
      const { url, child } = await inspected(
        `
      function loseBuffers() { for (let i = 0; i < 3; i++) superslab.acquire(5000); }
      process.stdin.once('data', async () => {
        loseBuffers();
        for (let i = 0; i < 10; i++) { await new Promise((resolve) => setTimeout(resolve, 20)); gc(); }
      });`,
        { SUPERSLAB_LEAK_DETECTION: 'full' },
        ['--expose-gc'],
      );
      const { page, complaints } = await openPage(browser, url);
      await expect.poll(() => text(page, '#leak-list')).toContain('Detection is full');
      child.stdin!.write('now\n');
      await expect.poll(() => text(page, '#leak-badge'), { timeout: 15_000 }).toBe('1');
      await expect.poll(() => text(page, '#leak-list .times'), { timeout: 5000 }).toBe('3×');
      expect(await text(page, '#leak-list .where')).toContain('loseBuffers');
      expect(await text(page, '#leak-list pre')).toMatch(/^at loseBuffers /);
      expect(await text(page, '#leak-list .facts')).toMatch(/pool “default” · last of 4\.88\u202fKiB/);
      expect(await text(page, '#figure-leaks .note')).toBe('3 buffers, 1 site');
      expect(complaints).toEqual([]);
    });

    test('misuse that happens while one looks is shown, with where it happened', async () => {
      const { url, child } = await inspected(
        `
      const pool = new superslab.constructor({ name: 'uploads' });
      function releaseTwice() {
        const buf = pool.acquire(900);
        buf.release();
        try { buf.release(); } catch {}
      }
      function writeLate() {
        const buf = pool.acquire(700);
        buf.release();
        new Uint8Array(buf.buffer, 8, 4).fill(1);
      }
      process.stdin.on('data', (name) => {
        if (String(name).trim() === 'twice') releaseTwice();
        else writeLate();
        pool.check();
      });`,
        { SUPERSLAB_LEAK_DETECTION: 'full', SUPERSLAB_GUARD: 'poison' },
      );
      const { page, complaints } = await openPage(browser, url);
      await page.click('#tab-misuse');
      await expect.poll(() => text(page, '#misuse-list')).toContain('the guard is poison');
      child.stdin!.write('twice\n');
      await expect.poll(() => text(page, '#misuse-badge'), { timeout: 15_000 }).toBe('1');
      expect(await text(page, '#misuse-list summary')).toMatch(
        /^1×\s+released twice\s+releaseTwice .*\s+pool “uploads” · 900\u202fB · \d\d:\d\d:\d\d$/,
      );
      expect(await page.locator('#misuse-list pre').allInnerTexts()).toEqual([
        expect.stringMatching(/^at releaseTwice /),
        expect.stringMatching(/^at releaseTwice /),
        expect.stringMatching(/^at releaseTwice /),
      ]);
      child.stdin!.write('late\n');
      await expect.poll(() => text(page, '#misuse-badge'), { timeout: 15_000 }).toBe('2');
      expect(await text(page, '#misuse-list .site:first-child summary')).toMatch(
        /written after release\s+writeLate /,
      );
      child.stdin!.write('twice\n');
      await expect.poll(() => text(page, '#misuse-list .site:last-child .times')).toBe('2×');
      expect(complaints).toEqual([]);
    });

    test('a setting that differs from its default stands out', async () => {
      const { url } = await inspected('superslab.acquire(100)', { SUPERSLAB_CACHE_BLOCKS: '32' });
      const { page } = await openPage(browser, url);
      await page.click('#tab-knobs');
      expect(await text(page, '#knobs-body .is-changed')).toMatch(/SUPERSLAB_CACHE_BLOCKS\s+32\s*default 64/);
    });

    test('with a wrong token there is nothing to see', async () => {
      const { url } = await inspected('superslab.acquire(100)');
      const page = await browser.newPage();
      const wrong = url.replace(/\/[^/]+\/$/, '/0123456789abcdef0123456789abcdef/');
      const response = await page.goto(wrong).catch(() => undefined);
      expect(response?.status() ?? 401).toBe(401);
      expect((await (await fetch(wrong)).text()).length).toBe(0);
      for (const asset of ['app.js', 'events', 'stats.json', 'index.html']) {
        const reply = await fetch(wrong + asset);
        expect([reply.status, await reply.text()], asset).toEqual([401, '']);
      }
    });

    test('10,000 superslabs of a real process', async () => {
      // 20 GiB of addresses that nobody touches: blocks of 40 MiB and one slab in between.
      const { url } = await inspected(
        `const held = []; for (let i = 0; i < 500; i++) held.push(superslab.acquire(40 << 20), superslab.acquire(1 << 16));`,
        { SUPERSLAB_HUGE_PAGES: 'off', SUPERSLAB_POPULATE: 'off' },
      );
      const { page, complaints } = await openPage(browser, url);
      const [, shown] = /^([\d,]+) superslabs/.exec(await text(page, '#map-summary'))!;
      expect(Number(shown!.replaceAll(',', ''))).toBeGreaterThanOrEqual(10_000);
      await page.focus('#map-canvas');
      await page.keyboard.press('End');
      await expect
        .poll(() => page.locator('#map-spoken').textContent())
        .toMatch(/arena|Huge block, 40\u202fMiB/);
      expect((await colours(page)).size).toBeGreaterThan(1);
      expect(complaints).toEqual([]);
    }, 60_000);

    test('npm start -- --serve prints its address', async () => {
      const archive = await mkdtemp(join(tmpdir(), 'superslab-page-'));
      try {
        const ports = ['--tcp-port=0', '--udp-port=0', '--http-port=0'];
        const { printed, child } = await startProcess(
          [main, '--serve', `--archive=${archive}`, ...ports],
          /^memory +(.*)/,
        );
        const find = (pattern: RegExp) => printed.map((line) => pattern.exec(line)?.[1]).find(Boolean)!;
        const { page, complaints } = await openPage(browser, find(/^inspector +(http\S+)/));
        expect(await text(page, '#process-title')).toBe('main.js');
        const socket = connect(Number(find(/TCP.*:(\d+)$/)), '127.0.0.1');
        socket.end('<13>Feb  5 17:32:18 host app: one\n'.repeat(20_000));
        await expect.poll(() => text(page, '#figure-inUse .figure'), { timeout: 10_000 }).toMatch(/MiB$/);
        expect(complaints).toEqual([]);
        child.kill('SIGTERM');
        expect((await once(child, 'exit'))[0]).toBe(0);
        await expect.poll(() => text(page, '#connection'), { timeout: 10_000 }).toBe('Connection lost');
      } finally {
        await rm(archive, { recursive: true });
      }
    });
  },
);
