// Jest with jsdom and fake timers from the first line on, as whole test suites have it: see test/jest.test.ts, which runs it.
module.exports = {
  rootDir: __dirname,
  testEnvironment: 'jsdom',
  testMatch: ['<rootDir>/*.jest.cjs'],
  fakeTimers: { enableGlobally: true },
  transform: {},
  moduleNameMapper: {
    '^superslab$': '<rootDir>/../../dist/cjs/index.js',
    '^superslab/prometheus$': '<rootDir>/../../dist/cjs/prometheus.js',
  },
  // jsdom is a browser: our exports have no entry for one, and need none.
  testEnvironmentOptions: { customExportConditions: ['node', 'require', 'default'] },
  cache: false,
};
