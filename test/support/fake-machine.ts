// Files that stand for the kernel's, by which a test makes memory scarce: the addon reads them as it reads those of /proc and
// /sys. Of one process at a time, whatever thread looks.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packageRoot } from './child.js';

const GROUP = '/sys/fs/cgroup/test';
const LIMIT = 2 ** 30;

export class FakeMachine {
  readonly root = mkdtempSync(path.join(tmpdir(), 'superslab-machine-'));

  /** A process in a control group that has 1 GiB, of which a tenth is in use. */
  constructor() {
    this.write('/proc/self/cgroup', '0::/test\n');
    this.write(`${GROUP}/memory.max`, `${LIMIT}\n`);
    this.write(`${GROUP}/memory.current`, `${LIMIT / 10}\n`);
  }

  write(file: string, text: string): void {
    const whole = path.join(this.root, file);
    mkdirSync(path.dirname(whole), { recursive: true });
    writeFileSync(whole, text);
  }

  /** For the beginning of a child's script: it reads these files, and `use(percent)` says what is in use of the limit. */
  get script(): string {
    return `
      import { createRequire } from 'node:module';
      import { writeFileSync } from 'node:fs';
      const use = (percent) =>
        writeFileSync('${this.root}${GROUP}/memory.current', String(Math.ceil(${LIMIT / 100} * percent)));
      createRequire('${packageRoot}/')('./dist/cjs/addon/environment.js').environment.readPressureFrom('${this.root}');
      const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
      const until = async (isReached) => {
        for (let i = 0; i < 500 && !isReached(); i++) await later(20);
      };
    `;
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
