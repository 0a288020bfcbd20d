import { expect } from 'vitest';

/** The error that `act` throws, which must have this code, at the start of its message too. */
export function thrownBy(act: () => unknown, code: string): Error & { code: string } {
  let thrown: unknown;
  try {
    act();
  } catch (error) {
    thrown = error;
  }
  return checked(thrown, code);
}

/** The same for a promise. */
export async function rejectedBy(promise: Promise<unknown>, code: string): Promise<Error & { code: string }> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  return checked(thrown, code);
}

function checked(thrown: unknown, code: string): Error & { code: string } {
  expect(thrown).toBeInstanceOf(Error);
  const error = thrown as Error & { code: string };
  expect({ code: error.code, message: error.message }).toMatchObject({ code });
  expect(error.message.startsWith(`${code}: `)).toBe(true);
  return error;
}
