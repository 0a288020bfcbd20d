// What a pool of objects waits for goes on at the next look of upkeep when it was cut off, or forgotten by V8.
import { describe, expect, test } from 'vitest';
import { childJson } from '../support/child.js';

/** A wait, and what came of it: who is told is cut off the first time. An error that nobody catches stands for that. */
const script = (settle: string, afterwards: string) => `
  import { createRequire } from 'node:module';
  import { setTimeout as sleep } from 'node:timers/promises';
  const { Awaited } = createRequire(process.cwd() + '/')('./dist/cjs/pools/object/awaited.js');
  process.on('unhandledRejection', () => {});
  process.on('uncaughtException', () => {});
  const awaited = new Awaited();
  const told = [];
  const late = [];
  let calls = 0;
  const promise = new Promise((resolve, reject) => { ${settle} });
  awaited.when(promise, { pool: 'a', what: 'create', ms: 20 }, (outcome, awaiting) => {
    if (++calls === 1) throw new Error('cut off');
    awaiting.isTaken = true;
    told.push(outcome.value ?? outcome.error.message);
  }, (value) => late.push(value));
  ${afterwards}
  console.log(JSON.stringify({ calls, told, late }));`;

describe('who is told of a promise, and cut off', () => {
  test('is told again at the next look, and then no more', async () => {
    await expect(
      childJson(script('resolve(7);', 'for (let i = 0; i < 4; i++) { await sleep(1); awaited.look(); }')),
    ).resolves.toEqual({ calls: 2, told: [7], late: [] });
  });

  test('of one that was rejected, likewise', async () => {
    await expect(
      childJson(
        script("reject(new Error('no'));", 'for (let i = 0; i < 4; i++) { await sleep(1); awaited.look(); }'),
      ),
    ).resolves.toEqual({ calls: 2, told: ['no'], late: [] });
  });

  test('of one that takes too long, at a look after its time; what comes late goes elsewhere, once', async () => {
    const { calls, told, late } = await childJson(
      script(
        'setTimeout(resolve, 200, 7);',
        'await sleep(60); awaited.look(); const before = told.length; await sleep(300); awaited.look(); told.push(before);',
      ),
    );
    expect(calls).toBe(2);
    expect(told).toEqual([expect.stringContaining('create'), 1]);
    expect(late).toEqual([7]);
  });
});

test('a promise that does not settle is listened to seldom, and keeps what is held weakly only while somebody has it', async () => {
  const { listened, isGone } = await childJson(
    `import { createRequire } from 'node:module';
     import { setTimeout as sleep } from 'node:timers/promises';
     let listened = 0;
     const { then } = Promise.prototype;
     Promise.prototype.then = function (...args) { listened++; return then.apply(this, args); };
     const { Awaited } = createRequire(process.cwd() + '/')('./dist/cjs/pools/object/awaited.js');
     const awaited = new Awaited();
     let object = { };
     const ref = new WeakRef(object);
     (() => {
       const held = object;
       awaited.whenHeld(new Promise(() => {}), () => held);
     })();
     const before = listened;
     for (let i = 0; i < 100; i++) awaited.look();
     const counted = listened - before;
     object = undefined;
     for (let i = 0; i < 10 && ref.deref() !== undefined; i++) { await sleep(10); gc(); }
     awaited.look();
     console.log(JSON.stringify({ listened: counted, isGone: ref.deref() === undefined }));`,
    { nodeArguments: ['--expose-gc'] },
  );
  expect(listened).toBe(7);
  expect(isGone).toBe(true);
});
