// There is one build at a time in a working tree: two terminals may each find the same thing out of date.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { at, say } from './paths.mjs';

const file = at('node_modules/.cache/superslab-build.lock');

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

const tryTake = () => {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
};

const holder = () => {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
};

/** Runs `body` while no other process builds in this tree. A dead holder's lock is taken over. */
export async function withBuildLock(body) {
  mkdirSync(at('node_modules/.cache'), { recursive: true });
  let told = false;
  while (!tryTake()) {
    const pid = holder();
    if (pid > 0 && !isAlive(pid)) rmSync(file, { force: true });
    else if (!told) {
      say(`waiting for another build (process ${pid})`);
      told = true;
    }
    await sleep(100);
  }
  try {
    return await body();
  } finally {
    rmSync(file, { force: true });
  }
}
