import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The folders of `base`/`folder` that its list of layers lacks. */
export function unlistedFolders(base, folder, order) {
  return readdirSync(join(base, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !order.includes(entry.name))
    .map((entry) => `${folder}/${entry.name}: not a layer in the list of ${folder}/README.md`);
}
