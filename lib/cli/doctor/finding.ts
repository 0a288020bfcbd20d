import type { Machine } from './machine.js';

/**
 * ok: as it should be. note: works, and there is something to know or to choose. warning: works, at a
 * price. problem: superslab, or the program on it, fails because of it.
 */
export type Status = 'ok' | 'note' | 'warning' | 'problem';

/** What one check says. It is what --json prints, so its names are part of the interface. */
export interface Finding {
  readonly id: string;
  readonly title: string;
  readonly status: Status;
  /** What is there, in a few words. */
  readonly found: string;
  /** What that means for superslab. */
  readonly why: string;
  readonly advice?: string;
  /** What sets it until the next start of the machine or shell. */
  readonly command?: string;
  /** What makes it outlive the next start of the machine. */
  readonly permanent?: string;
  /** Where to read on. */
  readonly source?: string;
}

export type Check = (machine: Machine) => Finding;

/** Sets a value of /proc/sys. A file of its own, so that setting it twice leaves it there once. */
export function setSysctl(name: string, value: number): Pick<Finding, 'command' | 'permanent'> {
  return {
    command: `sudo sysctl -w ${name}=${value}`,
    permanent: `echo '${name} = ${value}' | sudo tee /etc/sysctl.d/99-${name}.conf`,
  };
}

/** Sets a file of /sys, which has no sysctl(8); tmpfiles.d(5) writes it at each start. */
export function setSysFile(
  file: string,
  value: string,
  name: string,
): Pick<Finding, 'command' | 'permanent'> {
  return {
    command: `echo ${value} | sudo tee ${file}`,
    permanent: `echo 'w ${file} - - - - ${value}' | sudo tee /etc/tmpfiles.d/${name}.conf`,
  };
}
