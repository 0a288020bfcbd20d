// The inspector's page in Chromium, over a stream that is made up: states that real processes reach seldom.
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { launch, missing } from './support/chromium.mjs';
import { colours, openPage } from './support/page.js';
import { leakSites, misuseSites, startSynthetic } from './support/synthetic.mjs';

type Synthetic = Awaited<ReturnType<typeof startSynthetic>>;

describe.skipIf(missing)(
  `the inspector's page${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let browser: Browser;
    const open: { close(): Promise<unknown> }[] = [];

    beforeAll(async () => {
      browser = await launch();
    });
    afterEach(async () => {
      for (const one of open.splice(0).reverse()) await one.close();
    });
    afterAll(() => browser?.close());

    async function start(options: Parameters<typeof startSynthetic>[0] = {}): Promise<Synthetic> {
      const server = await startSynthetic({ isStill: true, ...options });
      open.push(server);
      return server;
    }

    async function show(server: Synthetic, options: Parameters<typeof openPage>[2] = {}) {
      const shown = await openPage(browser, server.url, options);
      open.push(shown);
      return shown;
    }

    const text = (page: Page, selector: string) => page.locator(selector).innerText();

    test('loads, with nothing from elsewhere and nothing to complain of', async () => {
      const server = await start();
      const { page, requests, complaints } = await show(server);
      expect(await page.title()).toBe('server.js 4711 – superslab');
      expect(await text(page, '#process-facts')).toMatch(
        /pid 4711 · Node 24\.1\.0 · superslab 0\.1\.0 · up 1\u202fh 2\u202fmin/,
      );
      expect(await text(page, '#map-summary')).toMatch(/^64 superslabs · .* committed$/);
      expect(await text(page, '#figure-rss .figure')).toBe('169\u202fMiB');
      expect((await colours(page)).size).toBeGreaterThan(10);
      expect(requests.length).toBeGreaterThan(10);
      for (const url of requests) expect(url.startsWith(server.url)).toBe(true);
      expect(complaints).toEqual([]);
    });

    test('says nothing of superslabs before the map is there', async () => {
      const server = await start({ isMapLate: true });
      const page = await browser.newPage();
      open.push(page);
      await page.goto(server.url);
      await expect.poll(() => text(page, '#map-summary')).toMatch(/^[\d.]+\u202f\wiB committed$/);
      server.showMap();
      await expect.poll(() => text(page, '#map-summary')).toMatch(/^64 superslabs · .* committed$/);
    });

    test('follows the process: figures, curves and map', async () => {
      const server = await start();
      const { page } = await show(server);
      expect(await text(page, '#figure-throughput .figure')).toBe('–');
      const before = await page.locator('#map-canvas').screenshot();
      server.tick();
      await expect.poll(() => text(page, '#figure-throughput .figure')).toMatch(/^\d[\d.]*\u202fk$/);
      expect(await text(page, '.curves figure:nth-child(1) .key:first-child output')).toMatch(/\u202fk$/);
      expect(await text(page, '.curves figure:nth-child(5) .key:last-child output')).toMatch(/\u202fµs$/);
      await expect
        .poll(async () => before.equals(await page.locator('#map-canvas').screenshot()))
        .toBe(false);
    });

    test('shows a leak as it comes, with its stack, and says so', async () => {
      const server = await start();
      const { page } = await show(server);
      expect(await text(page, '#leak-list')).toContain('No buffer was collected without a release');
      expect(await text(page, '#figure-leaks .figure')).toBe('0');
      server.leak([leakSites[0]!]);
      await expect.poll(() => text(page, '#leak-badge')).toBe('1');
      expect(await text(page, '#leak-list .site')).toMatch(/12×\s+768\u202fKiB\s+readBody {2}upload\.js:41/);
      expect(await text(page, '#leak-list pre')).toContain('at readBody (/srv/shop/upload.js:41:23)');
      expect(await text(page, '#leak-list .facts')).toContain('pool “uploads” · tag “body”');
      expect(await text(page, '#figure-leaks .figure')).toBe('768\u202fKiB');
      expect(await page.locator('#leak-spoken').textContent()).toBe('1 leak site changed, 1 site in all');
      // What the reader closed stays closed, and what comes next is not forced open.
      await page.click('#leak-list summary');
      server.leak([{ ...leakSites[0]!, count: 13 }, leakSites[1]!]);
      await expect.poll(() => text(page, '#leak-badge')).toBe('2');
      expect(await page.locator('#leak-list details[open]').count()).toBe(0);
      expect(await text(page, '#leak-list .site:nth-child(2) .facts')).toContain('about 384 in all');
    });

    test('what a process says is text, never HTML', async () => {
      const evil = '<img src=x onerror="document.title=`caught`">';
      const server = await start({
        leaks: [{ ...leakSites[0]!, pool: evil, tag: evil, stack: `at ${evil}` }],
        misuse: [{ ...misuseSites[0]!, kind: evil, pool: evil, detail: evil, noticed: `at ${evil}` }],
      });
      const { page, complaints } = await show(server);
      await expect.poll(() => text(page, '#leak-list')).toContain('<img src=x');
      await page.click('#tab-misuse');
      expect(await text(page, '#misuse-list')).toContain('<img src=x');
      expect(await page.locator('main img').count()).toBe(0);
      expect(complaints).toEqual([]);
    });

    test.each(['light', 'dark'] as const)('misuse of buffers, in %s', async (theme) => {
      const server = await start();
      const { page, complaints } = await show(server, { theme });
      expect(await page.locator('#misuse-badge').isVisible()).toBe(false);
      await page.click('#tab-misuse');
      expect(await text(page, '#misuse-list')).toMatch(/^No misuse was found.*the guard is poison/);
      server.misuse(misuseSites);
      await expect.poll(() => text(page, '#misuse-badge')).toBe('2');
      // The newest first, and open.
      const [written, twice] = await page.locator('#misuse-list .site').all();
      expect(await written!.innerText()).toMatch(
        /^1×\s+written after release\s+new Frame {2}frame\.js:9\s+pool “default” · 1\.46\u202fKiB · \d\d:30:07\s+Offset 12 holds 00+\s+Acquired\s+at new Frame \(.*\)\s+Released\s+at Frame\.end /,
      );
      expect(await twice!.locator('summary').innerText()).toMatch(
        /^2×\s+released twice\s+onClose {2}upload\.js:60\s+pool “uploads” · tag “body” · 64\u202fKiB · last \d\d:31:12, first \d\d:30:01$/,
      );
      expect(await twice!.locator('pre').first().isVisible()).toBe(false);
      await twice!.locator('summary').click();
      expect(await twice!.locator('h3').allInnerTexts()).toEqual(['Happened at', 'Acquired', 'Released']);
      // It stands out from its ground as text should (WCAG 2.1, 1.4.3).
      for (const selector of ['.times', '.lost', '.where', '.facts', 'h3', 'pre']) {
        expect(await contrast(page, `#misuse-list ${selector}`), selector).toBeGreaterThan(4.5);
      }
      expect(complaints).toEqual([]);
    });

    test('a list that changes keeps what is open, and where the keyboard is', async () => {
      const server = await start({ misuse: misuseSites });
      const { page } = await show(server);
      await page.click('#tab-misuse');
      const second = page.locator('#misuse-list .site').nth(1);
      await second.locator('summary').focus();
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
      const [twice, written] = misuseSites;
      server.misuse([{ ...twice!, count: 3 }, written!]);
      await expect.poll(() => second.locator('.times').innerText()).toBe('3×');
      expect(await second.evaluate((one: HTMLDetailsElement) => one.open)).toBe(true);
      expect(
        await second
          .locator('pre')
          .first()
          .evaluate((one) => one === document.activeElement),
      ).toBe(true);
      expect(await page.locator('#misuse-spoken').textContent()).toBe(
        '1 misuse site changed, 2 sites in all',
      );
    });

    test.each(['light', 'dark'] as const)('%s, as the system has it', async (theme) => {
      const { page } = await show(await start(), { theme });
      const ground = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
      const brightness = Math.max(...ground.match(/\d+/g)!.map(Number));
      expect(brightness > 128).toBe(theme === 'light');
    });

    test('the theme can be chosen, is kept, and the map takes part', async () => {
      const { page } = await show(await start(), { theme: 'light' });
      const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
      const light = await colours(page);
      await page.click('#theme');
      expect(await theme()).toBe('dark');
      await expect
        .poll(async () => [...(await colours(page)).keys()].some((one) => light.has(one)))
        .toBe(false);
      await page.reload();
      expect(await theme()).toBe('dark');
      await page.click('#theme');
      await page.emulateMedia({ colorScheme: 'dark' });
      // Back at what the system said: from then on the system decides.
      await expect.poll(theme).toBe('dark');
    });

    test('three ways to colour the map, each with its legend; one pool can stand out', async () => {
      const { page } = await show(await start());
      const seen: Map<number, number>[] = [await colours(page)];
      for (const mode of ['class', 'temperature']) {
        await page.locator(`input[value=${mode}]`).check({ force: true });
        await expect.poll(async () => similar(await colours(page), seen.at(-1)!)).toBe(false);
        seen.push(await colours(page));
      }
      expect(await text(page, '#legend')).toContain('at rest > 1\u202fmin');
      await page.locator('input[value=class]').check({ force: true });
      expect(await text(page, '#legend')).toContain('blocks of 16\u202fB');
      await expect.poll(async () => similar(await colours(page), seen[1]!)).toBe(true);
      await page.selectOption('#map-pool', { label: 'secrets' });
      await expect.poll(async () => similar(await colours(page), seen[1]!)).toBe(false);
    });

    test('the card tells what lies under the pointer', async () => {
      const { page } = await show(await start());
      expect(await page.locator('#map-card').isVisible()).toBe(false);
      const box = (await page.locator('#map-canvas').boundingBox())!;
      await page.mouse.move(box.x + 85, box.y + 80);
      await expect.poll(() => page.locator('#map-card').isVisible()).toBe(true);
      expect(await text(page, '#map-card h3')).toMatch(/^(Blocks of|Free)/);
      expect(await text(page, '#map-card')).toMatch(/Pool\s+(default|uploads|secrets)/);
      await page.mouse.move(box.x + 20, box.y + 5);
      await expect.poll(() => page.locator('#map-card').isVisible()).toBe(false);
    });

    test('every figure says what it means, and all that can be focused shows it', async () => {
      const { page } = await show(await start({ leaks: leakSites, misuse: misuseSites }));
      const meanings = await page
        .locator('#figures > div')
        .evaluateAll((all) => all.map((one) => (one as HTMLElement).title));
      expect(meanings).toHaveLength(7);
      expect(new Set(meanings).size).toBe(7);
      for (const meaning of meanings) expect(meaning.length).toBeGreaterThan(20);
      const seen = new Set<string>();
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press('Tab');
        const { name, outline } = await page.evaluate(() => {
          const at = document.activeElement!;
          const own = (node: Element) => getComputedStyle(node).outlineStyle !== 'none';
          const around = [at, at.parentElement?.parentElement, at.nextElementSibling];
          return {
            name: at.id || at.tagName,
            outline: around.some((node) => node !== null && node !== undefined && own(node)),
          };
        });
        if (name === 'BODY') break;
        expect(outline, name).toBe(true);
        seen.add(name);
      }
      for (const name of [
        'pause',
        'theme',
        'map-pool',
        'zoom-in',
        'map-canvas',
        'tab-leaks',
        'SUMMARY',
        'PRE',
      ])
        expect(seen).toContain(name);
    });

    test('the map goes by keyboard, and is read out', async () => {
      const { page } = await show(await start());
      await page.focus('#map-canvas');
      await page.keyboard.press('Home');
      await expect.poll(() => page.locator('#map-spoken').textContent()).toMatch(/Superslab 0 · arena 0/);
      await page.keyboard.press('ArrowRight');
      await expect.poll(() => page.locator('#map-spoken').textContent()).toMatch(/Superslab 1 · arena 0/);
      await page.keyboard.press('End');
      await expect.poll(() => page.locator('#map-spoken').textContent()).toMatch(/Superslab(s \d+ to)? 63/);
      expect(await page.locator('#map-card').isVisible()).toBe(true);
      await page.keyboard.press('Escape');
      expect(await page.locator('#map-card').isVisible()).toBe(false);
    });

    test('tabs go by keyboard; the tables say what the map shows', async () => {
      const server = await start();
      const { page } = await show(server);
      server.tick();
      await page.focus('#tab-leaks');
      await page.keyboard.press('ArrowRight');
      expect(await page.locator('#panel-misuse').isVisible()).toBe(true);
      await page.keyboard.press('ArrowRight');
      await expect.poll(() => text(page, '#pools-body')).toContain('uploads');
      expect(await text(page, '#pools-body > table > tbody > tr:first-child')).toMatch(/default\s/);
      await page.keyboard.press('ArrowRight');
      await expect.poll(() => page.locator('#slabs-body tbody tr').count()).toBeGreaterThan(20);
      const shown = await page.locator('#slabs-body tbody tr td:nth-child(4)').allInnerTexts();
      const scale: Record<string, number> = { B: 1 / 1024 ** 2, KiB: 1 / 1024, MiB: 1 };
      const total = shown.reduce((sum, size) => {
        const [value, unit] = size.split('\u202f');
        return sum + Number(value) * scale[unit!]!;
      }, 0);
      // 64 superslabs are 128 MiB, whatever they hold.
      expect(total).toBeCloseTo(128, 0);
      await page.keyboard.press('End');
      await expect.poll(() => text(page, '#knobs-body')).toContain('SUPERSLAB_MAX_BYTES');
      expect(await page.locator('#knobs-body .is-changed').count()).toBe(2);
      await page.keyboard.press('ArrowRight');
      expect(await page.locator('#panel-leaks').isVisible()).toBe(true);
    });

    test('what is paused stands still, and is up to date when it goes on', async () => {
      const server = await start();
      const { page } = await show(server);
      server.tick();
      await expect.poll(() => text(page, '#figure-throughput .figure')).not.toBe('–');
      await page.click('#pause');
      const before = await page.locator('main').innerText();
      for (let i = 0; i < 5; i++) server.tick();
      server.leak(leakSites);
      server.misuse(misuseSites);
      await page.waitForTimeout(300);
      expect(await page.locator('main').innerText()).toBe(before);
      expect(await text(page, '#connection')).toBe('Paused');
      await page.click('#pause');
      expect(await text(page, '#leak-badge')).toBe('2');
      expect(await text(page, '#misuse-badge')).toBe('2');
      expect(await page.locator('main').innerText()).not.toBe(before);
    });

    test('a process that is gone is missed, and found again', async () => {
      const server = await start();
      const { page } = await show(server);
      await server.close();
      await expect.poll(() => text(page, '#connection')).toBe('Connection lost');
      expect(await text(page, '#banner')).toMatch(/does not answer.*Trying again in/s);
      const again = await start({ port: server.port });
      await page.click('#retry');
      await expect.poll(() => text(page, '#connection')).toBe('Live');
      expect(await page.locator('#banner').isVisible()).toBe(false);
      again.tick();
      await expect.poll(() => text(page, '#figure-throughput .figure')).not.toBe('–');
    });

    test('another process on the port does not let us in, and the page says so', async () => {
      const server = await start();
      const { page } = await show(server);
      await server.close();
      await start({ port: server.port, token: 'another' });
      await expect.poll(() => text(page, '#connection'), { timeout: 10_000 }).toBe('Not let in');
      expect(await text(page, '#banner')).toContain('did not accept this token');
      expect(await page.locator('#retry').isVisible()).toBe(false);
    });

    test('10,000 superslabs: all of them are there, and it scrolls to the last', async () => {
      const server = await start({ superslabs: 10_000 });
      const { page, complaints } = await show(server);
      expect(await text(page, '#map-summary')).toMatch(/^10,000 superslabs/);
      await page.focus('#map-canvas');
      await page.keyboard.press('End');
      await expect.poll(() => page.locator('#map-spoken').textContent()).toMatch(/Superslab(s \d+ to)? 9999/);
      const scrolled = await page.locator('#map-scroller').evaluate((one) => one.scrollTop);
      expect(scrolled).toBeGreaterThan(100);
      expect((await colours(page)).size).toBeGreaterThan(10);
      server.tick();
      await expect.poll(() => text(page, '#figure-throughput .figure')).not.toBe('–');
      expect(complaints).toEqual([]);
    });

    test.each([
      [1280, 800],
      [390, 800],
    ])('at %d x %d everything fits the width', async (width, height) => {
      const server = await start({ leaks: leakSites, misuse: misuseSites });
      const { page, complaints } = await show(server, { width, height });
      server.tick();
      for (const tab of ['leaks', 'misuse', 'pools', 'slabs', 'knobs']) {
        await page.click(`#tab-${tab}`);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      }
      // The map is what one looks at first: all of it is in sight, and most of it above all tables.
      const map = (await page.locator('#map-scroller').boundingBox())!;
      expect(map.y + map.height).toBeLessThan(height);
      const figures = (await page.locator('#figures').boundingBox())!;
      expect(map.y < figures.y).toBe(width < 500);
      expect(await text(page, '#legend')).toContain('A box is a superslab of 2\u202fMiB');
      for (const canvas of await page.locator('canvas').all()) {
        expect((await canvas.boundingBox())!.width).toBeGreaterThan(width / 5);
      }
      expect(complaints).toEqual([]);
    });
  },
);

/** How much the text of the first such element stands out from what is behind it: the ratio of WCAG 2.1. */
function contrast(page: Page, selector: string): Promise<number> {
  return page
    .locator(selector)
    .first()
    .evaluate((element) => {
      const channels = (colour: string) => colour.match(/[\d.]+/g)!.map(Number);
      const luminance = (colour: string) => {
        const [r, g, b] = channels(colour).map((value) => {
          const c = value / 255;
          return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
      };
      let behind: Element | null = element;
      let ground = 'rgb(255, 255, 255)';
      for (; behind !== null; behind = behind.parentElement) {
        const colour = getComputedStyle(behind).backgroundColor;
        if (channels(colour)[3] === 0) continue;
        ground = colour;
        break;
      }
      const [dark, light] = [luminance(getComputedStyle(element).color), luminance(ground)].sort(
        (a, b) => a - b,
      );
      return (light! + 0.05) / (dark! + 0.05);
    });
}

/** Whether two maps are of the same colours, all but a twentieth of them. */
function similar(one: Map<number, number>, other: Map<number, number>): boolean {
  let [same, all] = [0, 0];
  for (const [colour, pixels] of one) {
    all += pixels;
    same += Math.min(pixels, other.get(colour) ?? 0);
  }
  return same > 0.95 * all;
}
