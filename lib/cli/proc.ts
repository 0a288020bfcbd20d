// What /proc tells of another process.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ProcessFacts {
  readonly pid: number;
  /** As `ps` shows it. */
  readonly name: string;
  /** Whose it is. */
  readonly uid: number;
  /** Whether the signal has a handler: SIGUSR1, by which Node opens its debugging port. */
  readonly catchesSigusr1: boolean;
}

const SIGUSR1 = 10;

/** undefined when there is no such process, or no /proc. */
export function readProcess(pid: number): ProcessFacts | undefined {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return undefined;
  }
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '';
  // A process that has ended and whose parent has not looked yet.
  if (field('State') === 'Z') return undefined;
  return {
    pid,
    // Node 26 calls its main thread, and with it the process, node-MainThread.
    name: field('Name').replace(/-MainThread$/, ''),
    uid: Number(field('Uid')),
    catchesSigusr1: ((BigInt(`0x${field('SigCgt') || '0'}`) >> BigInt(SIGUSR1 - 1)) & 1n) === 1n,
  };
}

export type Use = 'addon' | 'malloc' | 'none' | 'unknown';

/** What of superslab is loaded in the process; 'unknown' when we may not look. */
export function useOfSuperslab(pid: number): Use {
  let maps: string;
  try {
    maps = readFileSync(`/proc/${pid}/maps`, 'utf8');
  } catch {
    return 'unknown';
  }
  if (/\/superslab[^/\n]*\.node( \(deleted\))?$/m.test(maps)) return 'addon';
  return /\/libsuperslab\.so( \(deleted\))?$/m.test(maps) ? 'malloc' : 'none';
}

/** A variable of the environment that the process was started with. */
export function startVariable(pid: number, name: string): string | undefined {
  try {
    const all = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return all.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
  } catch {
    return undefined;
  }
}

/** Whether it sees the same files as we do; a container does not. */
export function sharesFiles(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`) === readlinkSync('/proc/self/ns/mnt');
  } catch {
    return true;
  }
}

const LISTENING = '0A';

/** The TCP ports of this machine alone on which the process listens. */
export function loopbackPorts(pid: number): Set<number> {
  const sockets = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) sockets.add(inode);
    } catch {
      // Closed meanwhile.
    }
  }
  const ports = new Set<number>();
  for (const line of readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n').slice(1)) {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    const [address = '', port = ''] = local.split(':');
    // The kernel writes 127.0.0.1 as this machine's number: its bytes are reversed where it counts them so.
    const isLocal = address.endsWith('7F') || address.startsWith('7F');
    if (state === LISTENING && isLocal && sockets.has(inode)) ports.add(Number.parseInt(port, 16));
  }
  return ports;
}
