// A release that a rejected promise jumps over: the stack has the functions that awaited, too.
//
//   SUPERSLAB_LEAK_DETECTION=full node test/misuse/leak-async.mjs
//
//   > SuperslabLeak: a buffer of 1500 B (pool "requests") was garbage-collected ... without release(); it was acquired
//   >     at readBody (.../leak-async.mjs:...)
//   >     at async handleRequest (.../leak-async.mjs:...)

import { setTimeout as sleep } from 'node:timers/promises';
import { BufferPool } from 'superslab';
import { garbageCollected, ok } from './support/program.mjs';

const pool = new BufferPool({ name: 'requests' });

async function parse() {
  throw new SyntaxError('the body is no JSON');
}

async function readBody() {
  await sleep(1);
  const buf = pool.acquire(1500);
  if (ok) {
    await parse(buf).finally(() => buf.release());
  } else {
    await parse(buf);
    buf.release();
  }
}

async function handleRequest() {
  await readBody();
}

await handleRequest().catch(() => {});
await garbageCollected(() => pool.leaks().length > 0);
