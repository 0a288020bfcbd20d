// A machine with two memory nodes, emulated by qemu: Debian's kernel, and the files of this machine, which it may read and
// which nothing it writes reaches.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cpio } from './cpio.mjs';
import { ScriptError } from './paths.mjs';

const QEMU = 'qemu-system-x86_64';
const BUSYBOX = '/bin/busybox';

const ADVICE = `
It takes Debian's packages qemu-system-x86 and busybox-static, and the files of a kernel, which need not be installed:
  apt-get install qemu-system-x86 busybox-static
  apt-get download linux-image-6.1.0-NN-amd64 && dpkg -x linux-image-*.deb DIR
  npm run test:numa -- --kernel=DIR`;

/** What the first file system needs to find the files of this machine. */
const MODULES = [
  'drivers/virtio/virtio.ko',
  'drivers/virtio/virtio_ring.ko',
  'drivers/virtio/virtio_pci_modern_dev.ko',
  'drivers/virtio/virtio_pci_legacy_dev.ko',
  'drivers/virtio/virtio_pci.ko',
  'fs/netfs/netfs.ko',
  'fs/fscache/fscache.ko',
  'net/9p/9pnet.ko',
  'net/9p/9pnet_virtio.ko',
  'fs/9p/9p.ko',
  'fs/overlayfs/overlay.ko',
];

// Lines of the console that say what is the program's and how it ended.
const BEGIN = '--- two nodes: begin ---';
const END = /--- two nodes: exit status (\d+) ---$/;

const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;

/** The program that the kernel starts. Modules need each other: those that cannot be loaded yet are tried again. */
const init = (command, folder) => `#!/bin/busybox sh
B=/bin/busybox
$B mkdir -p /proc /sys /dev /below /above /root
$B mount -t proc proc /proc
$B mount -t sysfs sysfs /sys
$B mount -t devtmpfs dev /dev
for pass in 1 2 3 4; do for module in /modules/*.ko; do $B insmod $module 2>/dev/null; done; done
$B mount -t 9p -o trans=virtio,ro,version=9p2000.L,cache=loose,msize=512000 root /below
$B mount -t tmpfs above /above
$B mkdir /above/files /above/work
$B mount -t overlay -o lowerdir=/below,upperdir=/above/files,workdir=/above/work overlay /root
for folder in proc sys dev; do $B mount -o bind /$folder /root/$folder; done
$B mount -t tmpfs tmp /root/tmp
echo '${BEGIN}'
$B env -i HOME=/tmp LANG=C.UTF-8 CI=1 NO_COLOR=1 ${quoted(`PATH=${process.env.PATH}`)} \\
  $B chroot /root /bin/sh -c ${quoted(`cd ${quoted(folder)} && exec ${command.map(quoted).join(' ')}`)} 2>&1
echo "--- two nodes: exit status $? ---"
$B poweroff -f
`;

function kernelIn(folder) {
  const found = (below, like) => {
    const parent = path.join(folder, below);
    const name = existsSync(parent)
      ? readdirSync(parent)
          .filter((one) => like.test(one))
          .sort()
          .at(-1)
      : undefined;
    if (name === undefined) throw new ScriptError(`there is no kernel in ${parent}.${ADVICE}`);
    return path.join(parent, name);
  };
  const image = found('boot', /^vmlinuz-/);
  const release = path.basename(image).replace('vmlinuz-', '');
  return { image, modules: path.join(folder, 'lib/modules', release, 'kernel') };
}

function firstFiles(modules, command, folder) {
  const files = { 'bin/busybox': readFileSync(BUSYBOX), init: init(command, folder) };
  for (const module of MODULES) {
    const from = path.join(modules, module);
    // A kernel may have it built in.
    if (existsSync(from)) files[`modules/${path.basename(module)}`] = readFileSync(from);
  }
  return cpio(files);
}

const machine = (image, files, mebibytes) => [
  ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', `${2 * mebibytes}M`],
  ...[0, 1].flatMap((node) => [
    ...['-object', `memory-backend-ram,size=${mebibytes}M,id=memory${node}`],
    ...['-numa', `node,nodeid=${node},cpus=${node},memdev=memory${node}`],
  ]),
  ...['-numa', 'dist,src=0,dst=1,val=21'],
  ...['-kernel', image, '-initrd', files, '-append', 'console=ttyS0 quiet panic=-1'],
  ...['-nographic', '-no-reboot', '-nic', 'none'],
  ...['-virtfs', 'local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap'],
];

/** Gives each line of what the program prints to `print`; the exit status, or undefined when the machine broke down. */
async function watch(qemu, print) {
  let status;
  let isOurs = false;
  let rest = '';
  for await (const part of qemu.stdout) {
    const lines = (rest + part).split(/\r*\n/);
    rest = lines.pop();
    for (const line of lines) {
      const end = END.exec(line);
      if (end !== null) status = Number(end[1]);
      // The firmware has left something in the line.
      else if (line.endsWith(BEGIN)) isOurs = true;
      else if (isOurs && status === undefined) print(line);
    }
  }
  return status;
}

/**
 * Runs `command` in `folder` on such a machine, with `mebibytes` of memory a node, and prints what it prints. Returns its exit status.
 * `kernel`: the folder that a kernel's package was unpacked in.
 */
export async function runOnTwoNodes(
  command,
  { folder, kernel = '/', mebibytes = 1024, seconds = 600, print },
) {
  if (!existsSync(BUSYBOX)) throw new ScriptError(`${BUSYBOX} is missing.${ADVICE}`);
  const { image, modules } = kernelIn(kernel);
  const place = mkdtempSync(path.join(tmpdir(), 'two-nodes-'));
  try {
    const files = path.join(place, 'files.cpio');
    writeFileSync(files, firstFiles(modules, command, folder));
    const qemu = spawn(QEMU, machine(image, files, mebibytes), { stdio: ['ignore', 'pipe', 'ignore'] });
    const failed = new Promise((_, reject) => {
      qemu.on('error', ({ message }) => reject(new ScriptError(`${QEMU}: ${message}.${ADVICE}`)));
    });
    const timer = setTimeout(() => qemu.kill(), seconds * 1000);
    qemu.stdout.setEncoding('utf8');
    const status = await Promise.race([watch(qemu, print), failed]);
    clearTimeout(timer);
    if (status === undefined)
      throw new ScriptError(`the machine ended before the program did, or after ${seconds} s`);
    return status;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
