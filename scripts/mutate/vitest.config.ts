// The tests that Stryker runs against each mutant (see js.mjs): the quick ones of what is mutated.
//
// Left out are those that count on what V8 does between two statements (a full stack, a timeout: the instrumented code
// calls a function there), that take many seconds, and that look at other processes only.
import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.js';

const files = [
  'acquire',
  'advice',
  'alerts',
  'binding-arguments',
  'buffer-interface',
  'callbacks',
  'channels',
  'detach',
  'errors',
  'guard-*',
  'histograms',
  'in-flight',
  'huge',
  'lease',
  'leaks',
  'libraries',
  'max-bytes',
  'misuse-sites',
  'opentelemetry',
  'pool',
  'pool-ids',
  'prometheus',
  'sample-*',
  'share',
  'stats',
  'taken-memory',
  'unseen',
  'windows',
  'transferred',
];

export default defineConfig({
  plugins: [
    {
      name: 'processes',
      // Stryker asks for threads. A mutant may leave native memory in any state: each file has a process of its own.
      configureVitest({ project }) {
        project.config.pool = 'forks';
      },
    },
  ],
  test: {
    ...base.test,
    include: files.map((file) => `test/${file}.test.ts`),
    exclude: ['test/guard-interruptions.test.ts', 'test/guard-pages.test.ts'],
    setupFiles: [...base.test!.setupFiles!, 'scripts/mutate/setup.ts'],
    reporters: [],
  },
});
