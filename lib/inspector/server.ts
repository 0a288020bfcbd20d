import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { abortReason, aFlag, anAbortSignal, checkOptions, optionError } from '../addon/option-checks.js';
import { makeError, show } from '../base/errors.js';
import { authorize, isLoopback, type Rules, refusal } from './access.js';
import { close, listen, makeServer } from './http.js';
import { type Respond, refuse } from './responses.js';

export interface InspectorOptions {
  /** TCP port; 0, the default, lets the system choose one. */
  port?: number;
  /** Address to listen on; '127.0.0.1' by default. One that others can reach needs `allowRemote`. */
  host?: string;
  /** What the URL must carry: 16 or more of `A-Z a-z 0-9 - _`. 32 random bytes by default. */
  token?: string;
  /** Whether other machines may look, too. The connection is not encrypted. */
  allowRemote?: boolean;
  /** Closes the inspector when it is aborted. */
  signal?: AbortSignal;
}

export interface Inspector extends AsyncDisposable {
  /** The page's address, token included: who has it can look. */
  readonly url: string;
  readonly port: number;
  readonly token: string;
  /** Ends all connections; resolves when the port is free again. A second call does nothing. */
  close(): Promise<void>;
}

/** Every option with its value. */
type Settings = Required<Omit<InspectorOptions, 'signal'>> & Pick<InspectorOptions, 'signal'>;

const CHECKS = {
  port: (value: unknown) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535) return;
    return optionError(
      `port of startInspector() must be a whole number from 0 to 65535, got ${show(value)}`,
      RangeError,
    );
  },
  host: (value: unknown) =>
    typeof value === 'string' && value !== '' ? undefined : 'an address such as "127.0.0.1"',
  token: (value: unknown) => {
    if (typeof value === 'string' && /^[\w-]{16,128}$/.test(value)) return;
    // Never shown: a secret.
    return optionError('token of startInspector() must be 16 to 128 characters of A-Z a-z 0-9 - _');
  },
  allowRemote: aFlag,
  signal: anAbortSignal,
};

function settingsOf(options: InspectorOptions): Settings {
  checkOptions('startInspector()', options, CHECKS);
  const { port = 0, host = '127.0.0.1', allowRemote = false, signal } = options;
  const token = options.token ?? randomBytes(32).toString('base64url');
  if (!allowRemote && host !== 'localhost' && !isLoopback(host)) {
    throw optionError(
      `host ${show(host)} can be reached from other machines; leave it out to listen on 127.0.0.1, ` +
        'or say allowRemote: true',
    );
  }
  return { port, host, token, allowRemote, signal };
}

function listenError(error: NodeJS.ErrnoException, { port, host }: Settings): Error {
  const place = `port ${port} on ${host}`;
  if (error.code === 'EADDRINUSE') {
    return makeError(
      'ERR_SUPERSLAB_PORT',
      `${place} is in use (by another inspector?); pass another port, or 0 for any that is free`,
      Error,
      { cause: error },
    );
  }
  if (error.code === 'EACCES') {
    return makeError(
      'ERR_SUPERSLAB_PORT',
      `${place} is reserved for the system; pass one from 1024 on, or 0 for any that is free`,
      Error,
      { cause: error },
    );
  }
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return optionError(`host ${show(host)} is no address of this machine`);
  }
  return error;
}

/** Sends the browser on to the page's own address, from which relative addresses lead to its files. */
function redirect(response: ServerResponse, token: string): void {
  response.writeHead(302, {
    Location: `/${token}/`,
    'Content-Length': 0,
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
  });
  response.end();
}

function listener(rules: () => Rules, respond: Respond) {
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const { token } = rules();
    const refused = refusal(request, rules());
    if (refused !== undefined) {
      refuse(response, refused);
      return false;
    }
    const route = authorize(request, token);
    if (route === undefined) {
      refuse(response, 401);
      return false;
    }
    // `/TOKEN` and `/?token=TOKEN`
    if (route === '' || /^\/?\?/.test(request.url ?? '')) redirect(response, token);
    else respond(request, response, route);
    return true;
  };
}

/** Lets those in who may look, and has `respond` serve their requests. See startInspector(). */
export async function serveInspector(options: InspectorOptions, respond: Respond): Promise<Inspector> {
  const settings = settingsOf(options);
  // Signals of other realms and polyfills may lack throwIfAborted().
  if (settings.signal?.aborted) throw abortReason(settings.signal);
  const { host, token, allowRemote } = settings;
  let port = settings.port;
  const server = makeServer(listener(() => ({ token, port, host, allowRemote }), respond));
  try {
    await listen(server, { port, host });
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, settings);
  }
  port = (server.address() as AddressInfo).port;

  let closing: Promise<void> | undefined;
  const end = () => {
    settings.signal?.removeEventListener('abort', end);
    closing ??= close(server);
    return closing;
  };
  settings.signal?.addEventListener('abort', end);
  return {
    url: `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}/${token}/`,
    port,
    token,
    close: end,
    [Symbol.asyncDispose]: end,
  };
}
