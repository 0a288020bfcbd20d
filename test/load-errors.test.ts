// A package that cannot load its native binary names the cause and the way out, each in a process of its own.
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { childJson, packageRoot } from './support/child.js';

const load = (before = '') => `
  import { createRequire } from 'node:module';
  import fs from 'node:fs';
  const require = createRequire(process.cwd() + '/');
  try {
    ${before}
    require('./dist/cjs/index.js');
    console.log(JSON.stringify({ loaded: true }));
  } catch (error) {
    console.log(JSON.stringify({ code: error.code, message: error.message, cause: error.cause?.code ?? error.cause?.message }));
  }`;

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A package with `binary` in place of its own; without one if that is undefined. */
function packageWith(binary: Buffer | undefined): { folder: string; file: string } {
  const folder = mkdtempSync(join(tmpdir(), 'superslab-load-'));
  folders.push(folder);
  chmodSync(folder, 0o755);
  for (const part of ['package.json', 'dist']) {
    cpSync(join(packageRoot, part), join(folder, part), { recursive: true });
  }
  mkdirSync(join(folder, 'node_modules'));
  cpSync(join(packageRoot, 'node_modules/node-gyp-build'), join(folder, 'node_modules/node-gyp-build'), {
    recursive: true,
    dereference: true,
  });
  const file = join(folder, 'build/Release/superslab.node');
  if (binary !== undefined) {
    mkdirSync(join(folder, 'build/Release'), { recursive: true });
    writeFileSync(file, binary);
  }
  return { folder, file };
}

const own = () => readFileSync(join(packageRoot, 'build/Release/superslab.node'));
const permission = process.versions.node.startsWith('20.') ? '--experimental-permission' : '--permission';
const isRoot = process.getuid?.() === 0;

describe('ERR_SUPERSLAB_ADDONS_DISABLED', () => {
  test('--no-addons', async () => {
    const error = await childJson(load(), { nodeArguments: ['--no-addons'] });
    expect(error).toMatchObject({ code: 'ERR_SUPERSLAB_ADDONS_DISABLED', cause: 'ERR_DLOPEN_DISABLED' });
    expect(error.message).toContain('--no-addons');
  });

  test('the permission model without --allow-addons', async () => {
    const error = await childJson(load(), { nodeArguments: [permission, '--allow-fs-read=*'] });
    expect(error).toMatchObject({ code: 'ERR_SUPERSLAB_ADDONS_DISABLED', cause: 'ERR_DLOPEN_DISABLED' });
    expect(error.message).toContain('--allow-addons');
  });
});

describe('ERR_SUPERSLAB_BINARY', () => {
  const failure = async (folder: string, before?: string, nodeArguments?: string[]) => {
    const error = await childJson(load(before), { cwd: folder, nodeArguments });
    expect(error.code).toBe('ERR_SUPERSLAB_BINARY');
    return error.message as string;
  };

  test('none: it says for which platform, and how to build one', async () => {
    const message = await failure(packageWith(undefined).folder);
    for (const part of [`${process.platform}-${process.arch}`, process.versions.node, 'node-gyp rebuild']) {
      expect(message).toContain(part);
    }
  });

  test('one for another processor', async () => {
    const binary = own();
    binary.writeUInt16LE(process.arch === 'arm64' ? 62 : 183, 18);
    const { folder, file } = packageWith(binary);
    expect(await failure(folder)).toMatch(
      new RegExp(`${file} is built for (arm64|x86-64), and this Node.js for `),
    );
  });

  test('what is no library, such as a pointer of Git LFS', async () => {
    const { folder, file } = packageWith(Buffer.from('version https://git-lfs.github.com/spec/v1\n'));
    expect(await failure(folder)).toContain(`${file} is no library of Linux`);
  });

  const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: string[] };
  const libm = sharedObjects.find((file) => /\/libm[.-]/.test(file));
  test.skipIf(libm === undefined)('a library that is no addon', async () => {
    const { folder, file } = packageWith(readFileSync(libm!));
    expect(await failure(folder)).toContain(`${file} does not load with Node`);
  });

  test('one that may not be read', async () => {
    const { folder, file } = packageWith(own());
    chmodSync(file, 0o000);
    const message = await failure(folder, isRoot ? 'process.setgid(65534); process.setuid(65534);' : '');
    expect(message).toContain(`${file} cannot be read: EACCES`);
  });

  test('a folder that may not be read, which node-gyp-build takes for empty', async () => {
    const { folder, file } = packageWith(own());
    chmodSync(join(file, '..'), 0o000);
    const message = await failure(folder, isRoot ? 'process.setgid(65534); process.setuid(65534);' : '');
    chmodSync(join(file, '..'), 0o755);
    expect(message).toContain('build/Release cannot be read: EACCES');
    expect(message).not.toContain('no native binary');
  });

  test('a folder that the permission model does not let it read', async () => {
    const { folder } = packageWith(own());
    const message = await failure(folder, '', [
      permission,
      '--allow-addons',
      ...['package.json', 'dist', 'node_modules'].map(
        (part) => `--allow-fs-read=${join(folder, part)}${part.includes('.') ? '' : '/*'}`,
      ),
    ]);
    expect(message).toContain('--allow-fs-read=');
  });

  test('too many open files', async () => {
    const { folder } = packageWith(own());
    const message = await failure(
      folder,
      `const { readdirSync } = fs;
       fs.readdirSync = (...args) => {
         try { for (;;) fs.openSync('/dev/null', 'r'); } catch {}
         return readdirSync(...args);
       };`,
    );
    expect(message).toContain('ulimit -n');
    expect(message).toContain('EMFILE');
  });
});
