// Processes that are killed while they change a MappedPool: nothing acknowledged is lost, nothing leaks, nobody waits for the dead.
// More kills by TEST_KILLS.
import { expect, test } from 'vitest';
import { folder } from './mapped-files.js';
import { killWorkers } from './shared-pool-processes.js';

const KILLS = Number(process.env.TEST_KILLS ?? 50);

test(`${KILLS} kills at random moments`, { timeout: 60_000 + KILLS * 2000 }, async () => {
  let done = 0;
  await killWorkers(`${folder()}/pool`, KILLS, (kills) => {
    done = kills;
  });
  expect(done).toBeGreaterThanOrEqual(KILLS);
});
