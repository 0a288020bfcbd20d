import { builtins } from '../base/builtins.js';
import { ringAlarms } from './alarm.js';
import { binding, check, type Facts, type NativeEnvironment, type WindowKey } from './binding.js';

/** What is to be done once the memory of a block's own ArrayBuffer can be seen no more, by its key. */
const waitingForUnseen = new Map<WindowKey, () => void>();

/**
 * Calls `then` once no ArrayBuffer shows the memory that `key` stands for (see NativeEnvironment.ownWindow).
 * @param isParked whether its block is counted as parked meanwhile
 * @returns false, without a call, when that is so already
 */
export function onceUnseen(key: WindowKey, isParked: boolean, then: () => void): boolean {
  if (!environment.awaitWindow(key, isParked)) return false;
  waitingForUnseen.set(key, then);
  return true;
}

function tellUnseen(): void {
  for (const key of environment.takeUnseenWindows()) {
    const then = waitingForUnseen.get(key);
    waitingForUnseen.delete(key);
    try {
      then?.();
    } catch (error) {
      // Told when all is done: the other blocks come home first.
      builtins.nextTick(() => {
        throw error;
      });
    }
  }
}

/** What is done at each signal, in this order. */
const heeders: (() => void)[] = [ringAlarms, tellUnseen];

/** Has `heed` called at each signal from now on, after those that are there already. */
export function atSignal(heed: () => void): void {
  heeders.push(heed);
}

/**
 * Other threads asked for something: to give up what is cached, or to try again. Or Node.js freed memory's last view, or
 * the timer rang. Exported so that it is there for as long as anything of this evaluation: with it the evaluation ends.
 */
export function onSignal(): void {
  for (const heed of heeders) heed();
}

/** Attaches this environment to the core. Throws ERR_SUPERSLAB_ENV for a wrong SUPERSLAB_* variable. */
export const environment: NativeEnvironment = check(binding.attach(onSignal));

export const { facts }: { readonly facts: Facts } = environment;
