/** A note on the buffer itself, which is the cheapest one. */
type Checked = Buffer & { isOut: boolean };

/**
 * The pool that a careful program writes by hand: a list for each exact length, so that a buffer is as long as was asked
 * for, and a note of which buffers are out, so that a second release is found.
 */
export function checkedList(): { acquire(size: number): Uint8Array; release(buf: Uint8Array): void } {
  const lists = new Map<number, Checked[]>();
  return {
    acquire: (size) => {
      const buf = lists.get(size)?.pop() ?? Object.assign(Buffer.allocUnsafeSlow(size), { isOut: false });
      buf.isOut = true;
      return buf;
    },
    release: (given) => {
      const buf = given as Checked;
      if (!buf.isOut) throw new Error('a buffer was released twice, or is a stranger');
      buf.isOut = false;
      const list = lists.get(buf.length);
      if (list === undefined) lists.set(buf.length, [buf]);
      else list.push(buf);
    },
  };
}
