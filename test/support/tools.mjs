// Programs that some tests need. Where one is missing, its tests are skipped, and the end of the run says how to install it.
import { spawnSync } from 'node:child_process';

/** Why the tests that need a program are skipped: it is in a Debian package. */
export const isMissing = (program, debianPackage) =>
  `${program} is missing (apt-get install ${debianPackage})`;

/**
 * Why the tests that need `program` are skipped; undefined where it runs.
 *
 * @param {string} program
 * @param {string} debianPackage
 * @param {string[]} args with which it does nothing but succeed
 */
export function missingTool(program, debianPackage, args = ['--version']) {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0
    ? undefined
    : isMissing(program, debianPackage);
}

/**
 * The end of a test's or suite's name, from which the summary takes the reason.
 *
 * @param {string | undefined} reason
 */
export const because = (reason) => (reason === undefined ? '' : ` (skipped: ${reason})`);
