// An archive as the Linux kernel takes it for its first file system: "newc" of cpio(5).
// Source: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel.

const FILE = 0o100755;
const FOLDER = 0o040755;

const pad = (length) => Buffer.alloc((4 - (length % 4)) % 4);

function entry(name, mode, content) {
  const field = (value) => value.toString(16).padStart(8, '0');
  const named = Buffer.from(`${name}\0`);
  // magic, inode, mode, user, group, links, time, length, device (2), special device (2), name's length, checksum
  const header = `070701${[0, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, named.length, 0].map(field).join('')}`;
  const head = Buffer.concat([Buffer.from(header), named]);
  return Buffer.concat([head, pad(head.length), content, pad(content.length)]);
}

/** `files`: the content of each by its path, without a leading slash. All can be executed. */
export function cpio(files) {
  const folders = new Set();
  for (const name of Object.keys(files)) {
    const parts = name.split('/').slice(0, -1);
    parts.forEach((_, i) => {
      folders.add(parts.slice(0, i + 1).join('/'));
    });
  }
  return Buffer.concat([
    ...[...folders].map((name) => entry(name, FOLDER, Buffer.alloc(0))),
    ...Object.entries(files).map(([name, content]) => entry(name, FILE, Buffer.from(content))),
    entry('TRAILER!!!', 0, Buffer.alloc(0)),
  ]);
}
