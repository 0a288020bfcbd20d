// An addon for what JavaScript cannot do by itself, compiled for the test file that asks for it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';

/** Lines of JavaScript that a child's script begins with: `native` is then the addon. */
export function nativeCode(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'superslab-native-code-'));
  const addon = path.join(folder, 'native-code.node');
  beforeAll(() => {
    const source = fileURLToPath(new URL('../fixtures/native-code.c', import.meta.url));
    execFileSync(process.env.CC ?? 'cc', ['-shared', '-fPIC', '-O1', '-Wall', '-o', addon, source]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  return `
    const addon = { exports: {} };
    process.dlopen(addon, ${JSON.stringify(addon)});
    const native = addon.exports;`;
}
