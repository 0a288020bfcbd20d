import type { Browser, Page } from 'playwright-core';

export interface ShownPage {
  readonly page: Page;
  /** Every address that was asked for. */
  readonly requests: string[];
  /** What the console said in red or yellow, errors of the page, requests that failed. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: 'light' | 'dark';
}

/** Opens an inspector's page in a profile of its own and waits until it is live. */
export async function openPage(browser: Browser, url: string, options: PageOptions = {}): Promise<ShownPage> {
  const { width = 1280, height = 800, theme = 'dark' } = options;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme });
  const page = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()}`));
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  await page.goto(url);
  await page.waitForSelector('#connection[data-state=live]');
  // The first frame of the map and the first figures are there.
  await page.waitForFunction(() =>
    /superslabs? · .* committed/.test(document.getElementById('map-summary')?.textContent ?? ''),
  );
  await page.waitForFunction(() => document.querySelector('#figure-rss .figure')?.textContent !== '–');
  return { page, requests, complaints, close: () => context.close() };
}

/** The colours of the map, without its text, and how many pixels each has. */
export async function colours(page: Page): Promise<Map<number, number>> {
  const pairs = await page.evaluate(async () => {
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const canvas = document.getElementById('map-canvas') as HTMLCanvasElement;
    const context = canvas.getContext('2d')!;
    const left = Math.round(80 * devicePixelRatio);
    const { data } = context.getImageData(left, 30, canvas.width - left, canvas.height - 30);
    const counts = new Map<number, number>();
    for (let i = 0; i < data.length; i += 4) {
      const colour = (data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!;
      counts.set(colour, (counts.get(colour) ?? 0) + 1);
    }
    return [...counts];
  });
  return new Map(pairs);
}
