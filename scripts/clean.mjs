// `npm run clean` removes everything that a build made. node_modules stays.
import { rmSync } from 'node:fs';
import { at } from './support/paths.mjs';

for (const folder of ['build', 'dist', 'dist-dev', 'prebuilds', 'coverage']) {
  rmSync(at(folder), { recursive: true, force: true });
}
