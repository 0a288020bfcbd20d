// `npm run screenshot [-- --seconds=N]` takes docs/inspector.png and docs/inspector-dark.png: the inspector's page of the
// log server of examples/, which meanwhile receives the log that is shipped with it over a few connections.
// It needs Chromium: apt-get install -y chromium.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { launch, missing } from '../test/browser/support/chromium.mjs';
import { withBuildLock } from './support/build-lock.mjs';
import { buildNative } from './support/build-native.mjs';
import { buildDev, buildLib } from './support/build-typescript.mjs';
import { at, main, ScriptError, say } from './support/paths.mjs';

const SIZE = { width: 1280, height: 860 };
const CONNECTIONS = 64;
/** Lines a second of all of them, on average over a wave. Few connections send most of it, as on real servers. */
const RATE = 60_000;
const WAVE_SECONDS = 75;
/** Milliseconds from one round of writes to the next. */
const PAUSE = 25;

async function startServer(archive) {
  const ports = ['--tcp-port=0', '--udp-port=0', '--http-port=0', '--no-open'];
  const child = spawn(
    process.execPath,
    [at('dist-dev/examples/log-server/main.js'), '--serve', '--keep=128m', `--archive=${archive}`, ...ports],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, SUPERSLAB_LEAK_DETECTION: 'sampled' } },
  );
  const printed = new Map();
  for await (const line of createInterface({ input: child.stdout })) {
    const [, name, value] = /^(\S+(?: \S+)*?) {2,}(.*)$/.exec(line) ?? [];
    if (name !== undefined) printed.set(name, value);
    if (name === 'memory') break;
  }
  if (!printed.has('inspector')) throw new ScriptError('the log server did not start');
  return {
    page: printed.get('inspector'),
    port: Number(printed.get('syslog over TCP').split(':').at(-1)),
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Sends lines in waves until it is told to stop. */
async function feed(port, signal) {
  const text = gunzipSync(readFileSync(at('examples/log-server/data/server-log.log.gz')));
  const sockets = Array.from({ length: CONNECTIONS }, () => connect(port, '127.0.0.1'));
  const perByte = text.toString('latin1').split('\n').length / text.length;
  const harmonic = sockets.reduce((sum, _, i) => sum + 1 / (i + 1), 0);
  /** Bytes that each has to send. */
  const due = sockets.map(() => 0);
  const started = performance.now();
  let place = 0;
  while (!signal.aborted) {
    const seconds = (performance.now() - started) / 1000;
    const wave = 1 + 0.45 * Math.sin((2 * Math.PI * seconds) / WAVE_SECONDS);
    for (const [i, socket] of sockets.entries()) {
      due[i] += (RATE * wave * PAUSE) / ((i + 1) * harmonic * 1000 * perByte);
      if (due[i] < 200) continue;
      let end = text.indexOf(10, place + Math.round(due[i]));
      if (end === -1) end = text.length - 1;
      due[i] = 0;
      socket.write(text.subarray(place, end + 1));
      place = end + 1 >= text.length ? 0 : end + 1;
    }
    await sleep(PAUSE);
  }
  for (const socket of sockets) socket.end();
}

async function photograph(page, theme, file) {
  await page.emulateMedia({ colorScheme: theme });
  await sleep(300);
  await page.screenshot({ path: at(file), fullPage: true });
  say(file);
}

await main(async () => {
  if (missing !== undefined) throw new ScriptError(missing);
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '290' } } });
  await withBuildLock(async () => {
    await buildNative('superslab');
    await buildLib();
    await buildDev();
  });
  const archive = mkdtempSync(join(tmpdir(), 'superslab-screenshot-'));
  const stop = new AbortController();
  const server = await startServer(archive);
  const browser = await launch();
  try {
    const feeding = feed(server.port, stop.signal);
    const page = await browser.newPage({ viewport: SIZE, deviceScaleFactor: 2 });
    await page.goto(server.page);
    await page.click('#tab-pools');
    await page.waitForSelector('[data-state=live]');
    say(`letting the curves fill for ${values.seconds} s`);
    await sleep(Number(values.seconds) * 1000);
    await page.locator('input[value=class]').check({ force: true });
    const map = await page.locator('#map-canvas').boundingBox();
    await page.mouse.move(map.x + map.width * 0.36, map.y + map.height * 0.42);
    await photograph(page, 'light', 'docs/inspector.png');
    await photograph(page, 'dark', 'docs/inspector-dark.png');
    stop.abort();
    await feeding;
  } finally {
    await browser.close();
    await server.stop();
    rmSync(archive, { recursive: true, force: true });
  }
});
