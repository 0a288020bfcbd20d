import type { Finding } from './finding.js';
import type { Machine } from './machine.js';

/** NAPI_VERSION in binding.gyp. */
export const NODE_API = 9;

/** Whether `version` is in a range written as ">=20" or ">=20.11.0". */
function isInRange(version: string, range: string): boolean {
  const parts = (text: string) => text.split('.').map(Number);
  const min = parts(range.replace(/^>=\s*/, ''));
  const have = parts(version);
  for (const [i, part] of min.entries()) {
    if (have[i] !== part) return (have[i] ?? 0) > part;
  }
  return true;
}

export function node(machine: Machine): Finding {
  const { node: version = '', napi = '0', electron } = machine.versions;
  const base = {
    id: 'node',
    title: 'Node.js',
    found: `${version}, Node-API ${napi}`,
    source: 'https://nodejs.org/api/n-api.html#node-api-version-matrix',
  };
  if (electron !== undefined) {
    return {
      ...base,
      status: 'problem',
      found: `Electron ${electron}`,
      why: 'Electron forbids ArrayBuffers over memory of an addon.',
      advice: 'Use superslab in a process of Node.js beside it.',
    };
  }
  if (!isInRange(version, machine.package.node)) {
    return {
      ...base,
      status: 'problem',
      why: `superslab is for Node.js ${machine.package.node}.`,
      advice: 'Install a newer Node.js; with nvm:',
      command: 'nvm install --lts',
    };
  }
  if (Number(napi) < NODE_API) {
    return {
      ...base,
      status: 'problem',
      why: `The addon needs Node-API ${NODE_API}.`,
      advice: 'Install the newest release of this major version of Node.js.',
    };
  }
  return { ...base, status: 'ok', why: `superslab is for Node.js ${machine.package.node}.` };
}
