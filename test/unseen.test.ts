// Blocks wait for the end of what shows them: one whose coming home fails keeps no other waiting.
import { expect, test } from 'vitest';
import { childJson } from './support/child.js';

test('each is told of, and the failure at the end', async () => {
  const script = `
    import { createRequire } from 'node:module';
    import { setTimeout as sleep } from 'node:timers/promises';
    const require = createRequire(process.cwd() + '/');
    require('superslab');
    const { openCores } = require('./dist/cjs/pool/cores.js');
    const { environment, facts, onceUnseen } = require('./dist/cjs/addon/environment.js');
    const told = [];
    process.on('uncaughtException', (error) => told.push(error.message));
    const keys = [1, 2, 3].map((i) => facts.evaluation * 2 ** 32 + 1e9 + i);
    (() => {
      const seen = keys.map((key) => environment.ownWindow(openCores.get(0).native.takeHuge(3 << 20), 64, key));
      for (const [i, key] of keys.entries()) {
        onceUnseen(key, false, () => {
          if (told.length === 1) {
            told.push('fails');
            throw new Error('failed');
          }
          told.push('came home');
        });
      }
      return seen.length;
    })();
    for (let i = 0; i < 50 && told.length < 4; i++) {
      await sleep(5);
      gc();
    }
    await sleep(20);
    console.log(JSON.stringify(told));`;
  expect(await childJson(script, { nodeArguments: ['--expose-gc'] })).toEqual([
    'came home',
    'fails',
    'came home',
    'failed',
  ]);
});
