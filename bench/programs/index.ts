import { git } from './git.js';
import { gxx } from './gxx.js';
import type { Program } from './program.js';
import { redis } from './redis.js';
import { node, perl, python3, python3Malloc, sqlite3 } from './script.js';

export const PROGRAMS: readonly Program[] = [node, redis, python3, python3Malloc, perl, sqlite3, gxx, git];
