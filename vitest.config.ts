import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // An addon wants a process of its own; tests of workers spawn their workers themselves.
    pool: 'forks',
    testTimeout: 30_000,
    setupFiles: ['test/support/setup.ts'],
    reporters: ['default', './scripts/support/count-reporter.mjs'],
    // What is tested is what is shipped: the build, loaded by Node itself and not by Vite.
    server: { deps: { external: [/\/dist\//, /\/dist-dev\//, /\.node$/] } },
  },
});
