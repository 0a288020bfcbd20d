// Who may look: the checks that each request to the inspector's port passes, in the order in which they
// stand here. What is refused learns nothing, not even which process this is.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether an address is one of this machine's own, that no other can send from or to. */
export function isLoopback(address: string | undefined): boolean {
  const version = address === undefined ? 0 : isIP(address);
  return version !== 0 && loopback.check(address!, version === 4 ? 'ipv4' : 'ipv6');
}

export interface Rules {
  readonly token: string;
  readonly port: number;
  /** What startInspector() was told to listen on. */
  readonly host: string;
  readonly allowRemote: boolean;
}

/**
 * Whether the name in the Host header is one under which this port is meant. A page of any site can point
 * a name of its own at 127.0.0.1 and then talk to us as its own origin (DNS rebinding); that name shows here.
 */
export function isOwnHost(header: string | undefined, { port, host, allowRemote }: Rules): boolean {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d+))?$/i.exec(header ?? '');
  if (match === null || Number(match[2] ?? 80) !== port) return false;
  const name = match[1]!.replace(/^\[|\]$/g, '').toLowerCase();
  if (name === 'localhost' || isLoopback(name)) return true;
  // An address is nobody's name. A name counts only if the user gave it.
  return allowRemote && (isIP(name) !== 0 || name === host.toLowerCase());
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** In a time that tells nothing about the token. */
export const isToken = (given: string, token: string): boolean =>
  timingSafeEqual(digest(given), digest(token));

/** The path that is asked for, without token and query; undefined without the right token. */
export function authorize(request: IncomingMessage, token: string): string | undefined {
  const url = request.url ?? '/';
  const question = url.indexOf('?');
  const path = question === -1 ? url : url.slice(0, question);
  const [, first = '', rest] = /^\/([^/]*)(\/.*)?$/.exec(path) ?? [];
  if (isToken(first, token)) return rest ?? '';
  const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const query = new URLSearchParams(question === -1 ? '' : url.slice(question + 1)).get('token');
  return isToken(bearer ?? query ?? '', token) ? path : undefined;
}

/** The status with which the request is refused; undefined when it may go on to authorize(). */
export function refusal(request: IncomingMessage, rules: Rules): 403 | undefined {
  if (!rules.allowRemote && !isLoopback(request.socket.remoteAddress)) return 403;
  return isOwnHost(request.headers.host, rules) ? undefined : 403;
}
