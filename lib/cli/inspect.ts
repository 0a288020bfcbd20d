import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { refuse, respondWith } from '../inspector/responses.js';
import { type Inspector, serveInspector } from '../inspector/server.js';
import { CliError, EXIT, usageError } from './cli-error.js';
import type { Command } from './command.js';
import { lookingExits, lookingHelp, lookingOptions, tellEnd } from './looking.js';
import { hasScreen, openPage } from './open-page.js';
import { resolveTarget, type Target } from './target.js';

/** How often the process is looked after; when it has ended, so does the command. */
const LOOK_MS = 1000;

const BAD_GATEWAY = 502;

/** What the page asks for that only the process itself can tell. */
const TOLD = new Set(['/events', '/hello.json', '/stats.json', '/memory.json', '/report.txt']);

async function passOn(target: Target, response: ServerResponse, route: string): Promise<void> {
  const leaving = new AbortController();
  response.on('close', () => leaving.abort());
  let told: IncomingMessage;
  try {
    told = await target.open(route.slice(1), leaving.signal);
  } catch {
    refuse(response, BAD_GATEWAY);
    return;
  }
  told.on('error', () => response.destroy());
  response.writeHead(told.statusCode ?? BAD_GATEWAY, { 'Content-Type': told.headers['content-type'] ?? '' });
  // An event stream says nothing for a second; the page waits for its head.
  response.flushHeaders();
  told.pipe(response);
}

async function serve(target: Target, port: number): Promise<Inspector> {
  try {
    return await serveInspector(
      { port },
      respondWith((_, response, route) => {
        if (!TOLD.has(route)) return false;
        void passOn(target, response, route);
        return true;
      }),
    );
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_SUPERSLAB_PORT') throw error;
    throw new CliError(
      'ERR_SUPERSLAB_PORT',
      EXIT.unavailable,
      `port ${port} cannot be had on 127.0.0.1, as another program has it or it is the system's; ` +
        'give another --port, or none for any that is free',
    );
  }
}

/** Until the process ends, or we are told to. */
async function untilEnd(target: Target, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
    try {
      await target.getJson('hello.json');
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof CliError)) throw error;
      tellEnd(target);
      return;
    }
  }
}

/** `superslab inspect`: the inspector's page for a process that runs already. */
export const inspect: Command = {
  usage: 'inspect PID|URL [--port=n] [--no-open] [--json] [--attach]',
  summary: 'a page that shows the memory of a running process, live',
  options: { ...lookingOptions, port: 'value', 'no-open': 'nothing', json: 'nothing' },
  operands: [1, 1],
  exits: {
    [EXIT.done]: 'it or the process was ended',
    ...lookingExits,
    [EXIT.unavailable]: 'the port is taken',
  },

  help() {
    return [
      'Serves a page on 127.0.0.1 with the map of superslabs and slabs, curves, leaks',
      'and settings of the process, once a second; until Ctrl-C, or until the process',
      'ends. Only who has the address, with its token, sees anything. A URL, which is',
      'served already, is checked and opened; others can read it in a list of',
      'processes, where a PID tells them nothing.',
      '',
      '  superslab inspect 4711',
      '  ssh -L 9300:localhost:9300 host npx superslab inspect 4711 --port=9300',
      '',
      ...lookingHelp,
      '',
      '--port is any free one by default. On a terminal with a desktop the page is',
      'opened, but for --no-open. --json prints {url, pid} in a line.',
    ];
  },

  async run(args) {
    const port = args.wholeNumber('port', 0, 65_535, 0);
    const target = await resolveTarget(args.operands[0]!, { attach: args.has('attach') });
    if (target.kind === 'url' && args.has('port')) {
      throw usageError('--port is for a PID: what has a URL is served already');
    }
    const { pid } = target.hello;
    const ending = new AbortController();
    const end = () => ending.abort();
    process.once('SIGINT', end).once('SIGTERM', end);
    const page = target.kind === 'url' ? undefined : await serve(target, port);
    const url = page?.url ?? args.operands[0]!;
    process.stdout.write(args.has('json') ? `${JSON.stringify({ url, pid })}\n` : `${url}\n`);
    const opened =
      args.has('no-open') || process.stdout.isTTY !== true || !hasScreen()
        ? undefined
        : openPage(url, ending.signal);
    if (page !== undefined) {
      await untilEnd(target, ending.signal);
      ending.abort();
      await page.close();
    }
    await opened;
    return EXIT.done;
  },
};
