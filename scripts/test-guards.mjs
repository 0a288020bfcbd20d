// `npm run test:guards [-- mode] [vitest arguments]` runs every test with leak detection and guards on. They must report
// nothing, except where a test misuses buffers on purpose.
//
//   detach    each lease watched for leaks and revoked at its release; the default
//   canary    each lease watched for leaks, with a canary behind it
//   poison    each lease watched for leaks, and filled at its release
//   sampled   one lease of 128 watched for leaks
import { buildForTests } from './support/build-for-tests.mjs';
import { at, main, ScriptError } from './support/paths.mjs';
import { become } from './support/run.mjs';

const modes = {
  detach: { SUPERSLAB_LEAK_DETECTION: 'full', SUPERSLAB_GUARD: 'detach' },
  canary: { SUPERSLAB_LEAK_DETECTION: 'full', SUPERSLAB_GUARD: 'canary' },
  poison: { SUPERSLAB_LEAK_DETECTION: 'full', SUPERSLAB_GUARD: 'poison' },
  sampled: { SUPERSLAB_LEAK_DETECTION: 'sampled' },
};

/**
 * Tests without a lease of JavaScript; test/misuse, whose programs choose their modes themselves; and cut-points of all kinds, whose full
 * stacks meet the hooks of node:async_hooks that guards need, where Node.js ends the process.
 */
const excluded = [
  'native',
  'shim',
  'golden',
  'stress',
  'check-*',
  'package',
  'misuse-programs',
  'cli-doctor',
  'cut-points',
  'guard-cut-points',
  'pools/fixed-pool-cut-points',
  'pools/numa-pool-cut-points',
  'pools/packet-pool-cut-points',
  'pools/object-pool-cut-points',
  'pools/record-pool-cut-points',
  'pools/generational-pool-cut-points',
  'pools/mapped-pool-cut-points',
  'pools/mapped-pool-encrypted-cut-points',
  'pools/shared-cache-cut-points',
  'pools/compressed-pool-cut-points',
  'pools/page-cache-cut-points',
];

await main(async () => {
  const [mode = 'detach', ...args] = process.argv.slice(2);
  if (!(mode in modes)) {
    throw new ScriptError(`test:guards: no mode "${mode}"; there are ${Object.keys(modes).join(', ')}`);
  }
  await buildForTests();
  process.chdir(at());
  Object.assign(process.env, modes[mode]);
  const excludes = excluded.map((name) => `--exclude=test/${name}.test.ts`);
  await become([at('node_modules/vitest/vitest.mjs'), 'run', ...excludes, ...args]);
});
