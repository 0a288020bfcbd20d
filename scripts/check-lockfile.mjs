// `npm run check:lockfile` checks that package-lock.json installs anywhere, from any registry and into any folder.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { at, main, ScriptError, say } from './support/paths.mjs';

/** What ties `lock` (the parsed package-lock.json) to one machine, or keeps `npm ci` from working. */
export function lockfileFaults(lock) {
  return Object.entries(lock.packages).flatMap(([path, entry]) => {
    const faults = [];
    if ('resolved' in entry) faults.push(`"resolved" names the registry of one machine (${entry.resolved})`);
    if (entry.link) faults.push('a link to a folder of one machine');
    for (const [name, range] of Object.entries({ ...entry.dependencies, ...entry.devDependencies })) {
      if (/^(file|link|git|https?):|^git\+|^[./]|^~\//.test(range))
        faults.push(`${name} comes from ${range}`);
    }
    // A registry that lacks another platform's package makes npm write a lock that `npm ci` refuses there.
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      const found = Object.keys(lock.packages).some((other) => other.endsWith(`node_modules/${name}`));
      if (!found) faults.push(`optional ${name} has no entry: npm ci would refuse the lock file`);
    }
    return faults.map((fault) => `package-lock.json: ${path || 'the package itself'}: ${fault}`);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(() => {
    const faults = lockfileFaults(JSON.parse(readFileSync(at('package-lock.json'), 'utf8')));
    if (faults.length > 0) throw new ScriptError(faults.join('\n'));
    say('package-lock.json: bound to no machine');
  });
}
