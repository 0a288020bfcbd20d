// All checks, in the order in which they are printed.
import { memoryGroup } from './cgroup.js';
import type { Check } from './finding.js';
import { heapLimit } from './heap-limit.js';
import { hugePages } from './huge-pages.js';
import { kernel } from './kernel.js';
import { libc } from './libc.js';
import { addressLimit, dataLimit, lockLimit } from './limits.js';
import type { Machine } from './machine.js';
import { node } from './node.js';
import { numa } from './numa.js';
import { preload } from './preload.js';
import { addon, environment, library } from './superslab.js';
import { hugePageDefrag, transparentHugePages } from './transparent-huge-pages.js';
import { mapCount, overcommit } from './virtual-memory.js';

const anywhere: readonly Check[] = [node, addon, environment, heapLimit];

const onLinux: readonly Check[] = [
  node,
  addon,
  library,
  preload,
  environment,
  kernel,
  libc,
  memoryGroup,
  heapLimit,
  transparentHugePages,
  hugePageDefrag,
  hugePages,
  numa,
  overcommit,
  mapCount,
  addressLimit,
  dataLimit,
  lockLimit,
];

export const checksFor = (machine: Machine): readonly Check[] =>
  machine.platform === 'linux' ? onLinux : anywhere;
