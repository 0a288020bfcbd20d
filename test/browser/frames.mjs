// How smoothly the page goes: `node test/browser/frames.mjs [superslabs]` scrolls the map through all of its memory
// while a twelfth of the superslabs changes each second, in every mode, and prints the milliseconds from frame to frame.
// 16.7 is a screen of 60 Hz. Not a test: it measures, and a busy machine measures badly.
import { launch, missing } from './support/chromium.mjs';
import { leakSites, startSynthetic } from './support/synthetic.mjs';

if (missing !== undefined) throw new Error(missing);
const superslabs = Number(process.argv[2] ?? 10_000);
const SECONDS = 5;

/** Runs in the page: scrolls there and back for `ms`, and returns the sorted times between frames. */
const scroll = (ms) =>
  new Promise((resolve) => {
    const map = document.getElementById('map-scroller');
    const between = [];
    const started = performance.now();
    let last;
    const step = (now) => {
      if (last !== undefined) between.push(now - last);
      last = now;
      map.scrollTop = (map.scrollHeight - map.clientHeight) * Math.abs(Math.sin(((now - started) / ms) * 6));
      if (now - started < ms) requestAnimationFrame(step);
      else resolve(between.sort((a, b) => a - b));
    };
    requestAnimationFrame(step);
  });

const server = await startSynthetic({ superslabs, leaks: leakSites });
const browser = await launch();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(server.url);
  await page.waitForSelector('#connection[data-state=live]');
  console.log(`${superslabs} superslabs, Chromium ${browser.version()} without a graphics card, 1280 x 800`);
  for (const mode of ['fullness', 'class', 'temperature']) {
    for (const zoom of [0, 3]) {
      await page.locator(`input[value=${mode}]`).check({ force: true });
      await page.click('#zoom-fit');
      for (let i = 0; i < zoom; i++) await page.click('#zoom-in');
      const times = await page.evaluate(scroll, SECONDS * 1000);
      const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(1);
      const rate = (times.length / SECONDS).toFixed(0);
      console.log(
        `${mode.padEnd(12)} zoom +${zoom}  p50 ${at(0.5)}  p95 ${at(0.95)}  max ${at(1)} ms  ${rate} frames/s`,
      );
    }
  }
} finally {
  await browser.close();
  await server.close();
}
