import { makeError } from '../base/errors.js';

const missing = (error: unknown): string | undefined => {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === 'MODULE_NOT_FOUND' ? /'([^']+)'/.exec(String(message))?.[1] : undefined;
};

/**
 * A package that only users of one entry need.
 * @throws ERR_SUPERSLAB_PEER when it is not installed; what it throws itself passes through
 */
export function requirePeer<T>(name: string, entry: string): T {
  try {
    return require(name) as T;
  } catch (cause) {
    if (missing(cause) !== name) throw cause;
    throw makeError(
      'ERR_SUPERSLAB_PEER',
      `${entry} needs the package "${name}", which is not installed here; install it: npm install ${name}`,
      Error,
      { cause },
    );
  }
}
