import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // An addon wants a process of its own; tests of workers spawn their workers themselves.
    pool: 'forks',
    // Vitest would leave one processor to its watcher. Many tests wait for a child or a timer.
    maxWorkers: availableParallelism(),
    testTimeout: 30_000,
    // Vitest's own second is too short for a browser on a busy machine. What holds at once is seen at once.
    expect: { poll: { timeout: 10_000 } },
    setupFiles: ['test/support/setup.ts'],
    // What matters stands at the end. In a log a test is a dot; what passes prints nothing.
    reporters: [process.stdout.isTTY ? 'default' : 'dot', './scripts/support/summary-reporter.mjs'],
    silent: 'passed-only',
    slowTestThreshold: 10_000,
    // What is tested is what is shipped: the build, loaded by Node itself and not by Vite.
    server: { deps: { external: [/\/dist\//, /\/dist-dev\//, /\.node$/] } },
  },
});
