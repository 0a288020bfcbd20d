import type { Finding } from './finding.js';
import type { Machine } from './machine.js';
import { foreignMalloc } from './preload.js';

const base = {
  id: 'libc',
  title: 'C library',
  source: 'https://sourceware.org/glibc/manual/latest/html_node/Memory-Allocation-Tunables.html',
};

/** NARENAS_FROM_NCORES of glibc's malloc/arena.c, with 64-bit addresses. */
const ARENAS_PER_CORE = 8;

interface Setting {
  readonly name: string;
  readonly value: string;
}

/** What limits the number of arenas, if anything does. The tunable is the newer name for the same. */
function arenaSetting(env: Machine['env']): Setting | undefined {
  const tunable = /(?:^|:)glibc\.malloc\.arena_max=([^:]*)/.exec(env.GLIBC_TUNABLES ?? '')?.[1];
  if (tunable !== undefined) return { name: 'glibc.malloc.arena_max', value: tunable };
  const variable = env.MALLOC_ARENA_MAX;
  return variable === undefined ? undefined : { name: 'MALLOC_ARENA_MAX', value: variable };
}

export function libc(machine: Machine): Finding {
  if (machine.glibc === undefined) {
    return {
      ...base,
      status: 'note',
      found: 'not glibc',
      why:
        'There is no libsuperslab.so for musl, so no superslab run. The pools work once the addon is built, ' +
        'in the folder of the package:',
      command: 'npm install --no-save node-addon-api && npx node-gyp rebuild',
    };
  }
  const version = `glibc ${machine.glibc}`;
  const other = foreignMalloc(machine);
  if (other !== undefined) {
    return { ...base, status: 'ok', found: version, why: `${other} serves malloc: its arenas play no part.` };
  }
  const advice = 'Fewer, at some waiting; or none: npx superslab run -- node server.js';
  const command = 'export MALLOC_ARENA_MAX=2';
  const setting = arenaSetting(machine.env);
  if (setting === undefined) {
    return {
      ...base,
      status: 'note',
      found: `${version}, up to ${ARENAS_PER_CORE * machine.cores} arenas`,
      why: `${ARENAS_PER_CORE} a core. What is free in one is of no use to another: RSS grows.`,
      advice,
      command,
    };
  }
  const shown = `${setting.name}=${setting.value}`;
  // dl-tunables.list: a number of strtoul's from 1 on; anything else is passed over in silence.
  if (!/^(0x[\da-f]+|\d+)$/i.test(setting.value) || Number(setting.value) === 0) {
    const why = 'glibc passes over what is no number from 1 on, and makes as many arenas as without.';
    return { ...base, status: 'warning', found: `${version}, ${shown}`, why, advice, command };
  }
  return { ...base, status: 'ok', found: `${version}, ${shown}`, why: 'The number of arenas is limited.' };
}
