// node main.mjs --seconds=N --seed=N [--workers=N] [--no-callbacks] [--no-interruptions] [--no-timeouts]
//   [--no-detaching] [--no-terminate]
//
// Ends with 0 when superslab agreed with the model in all threads, and with 1 and the seed when it did not.
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Claims, makeBits, makeLog } from './claims.mjs';
import { Random } from './random.mjs';
import { Stress } from './thread.mjs';

function addressOf() {
  const module = { exports: {} };
  process.dlopen(module, fileURLToPath(new URL('../../../build/Release/careless.so', import.meta.url)));
  return module.exports.address;
}

/** A worker's part: until it is told to end, or terminated. */
async function work({ seed, bits, log, logs, options }) {
  const claims = new Claims(bits, log, logs);
  const post = (token, shared) => parentPort.postMessage({ token, shared });
  const stress = new Stress({ seed, claims, addressOf: addressOf(), options, post });
  let isOver = false;
  parentPort.on('message', (message) => {
    if (message === 'end') isOver = true;
    else stress.adopt(message.token, message.shared);
  });
  await stress.run(Number.POSITIVE_INFINITY, () => isOver);
  parentPort.postMessage({ calls: stress.calls });
  parentPort.close();
}

/** Each has a log of its own, which all others know from the beginning. */
const MOST_HIRED = 256;

async function lead() {
  const args = new Map(process.argv.slice(2).map((arg) => arg.replace(/^--/, '').split('=')));
  const seconds = Number(args.get('seconds') ?? 10);
  const seed = Number(args.get('seed') ?? 1);
  const workers = Number(args.get('workers') ?? 2);
  const options = {
    callbacks: !args.has('no-callbacks'),
    interruptions: !args.has('no-interruptions'),
    timeouts: !args.has('no-timeouts'),
    detaching: !args.has('no-detaching'),
  };
  const random = new Random(seed);
  const bits = makeBits();
  const logs = Array.from({ length: 1 + MOST_HIRED }, makeLog);
  const team = new Array(workers).fill(undefined);
  let calls = 0;
  let terminated = 0;
  let hired = 0;

  const toAnother = (from, message) => {
    const others = team.filter((worker) => worker !== undefined && worker !== from);
    if (others.length > 0 && (from === undefined || random.oneIn(2))) random.of(others).postMessage(message);
    else if (from !== undefined) stress.adopt(message.token, message.shared);
    // Nobody is there to adopt it: a token keeps its memory.
  };

  const hire = (place) => {
    const log = logs[++hired];
    const workerData = { seed: random.below(2 ** 31), bits, log, logs, options };
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData });
    worker.log = log;
    team[place] = worker;
    worker.on('message', (message) => {
      if (message.calls === undefined) toAnother(worker, message);
      else calls += message.calls;
    });
    worker.on('error', (error) => fail(error));
    worker.ended = new Promise((resolve) => worker.once('exit', resolve));
    return worker;
  };

  // All of them: a thread that ends by one gives its memory back, which looks like an overlap to the others.
  const failures = [];
  const fail = (error) => {
    failures.push(error);
  };

  const stress = new Stress({
    seed,
    claims: new Claims(bits, logs[0], logs),
    addressOf: addressOf(),
    options,
    post: workers === 0 ? undefined : (token, shared) => toAnother(undefined, { token, shared }),
  });
  for (let place = 0; place < workers; place++) hire(place);

  /** Terminates a worker at any instruction, and hires another. What it had comes home. */
  const dismiss = async () => {
    const place = random.below(workers);
    const worker = team[place];
    if (worker === undefined || hired === MOST_HIRED) return;
    team[place] = undefined;
    // What its log says may be claimed by others from now on.
    Atomics.store(new Uint32Array(worker.log), 0, 1);
    await worker.terminate();
    terminated++;
    hire(place);
  };
  const end = performance.now() + seconds * 1000;
  let dismissing;
  const timer = setInterval(() => {
    if (workers > 0 && !args.has('no-terminate') && performance.now() < end - 1000) {
      dismissing = (dismissing ?? Promise.resolve()).then(dismiss).catch(fail);
    }
  }, 700);
  await stress.run(end, () => failures.length > 0).catch(fail);
  clearInterval(timer);
  await dismissing;
  for (const worker of team) worker?.postMessage('end');
  await Promise.all(team.map((worker) => worker?.ended));
  calls += stress.calls;
  if (failures.length > 0) {
    for (const failure of failures) process.stderr.write(`seed ${seed}: ${failure.stack}\n`);
    process.exit(1);
  }
  process.stdout.write(`seed ${seed}: ${calls} calls, ${terminated} workers terminated\n`);
}

await (isMainThread ? lead() : work(workerData));
