import { copyBytes, viewBytes } from '../../base/builtins.js';
import { begin, finish, giveUp, HeldBuffers } from '../../pool/unfinished.js';
import { releaseHeld, slice } from './chain.js';
import { checkLive } from './release.js';
import { type Segment, STATE } from './segment.js';
import { PacketWriter } from './writer.js';

/** A packet with the bytes of another, in the pool of that one's first segment. */
export const copyOf = (source: Segment): Segment => trySingle(source) ?? copyOfChain(source);

/**
 * That of one segment that fits into one; undefined when it does not, or when a subscriber that the pool called did something
 * with the packet or the pool.
 */
function trySingle(source: Segment): Segment | undefined {
  const { room, head, tail } = source;
  const { shelf } = room;
  const { acquired } = shelf.magazines;
  const length = tail - head;
  if (source.next !== undefined || length > shelf.size - shelf.headroom - shelf.tailroom) return undefined;
  const before = acquired[shelf.tag]!;
  const held = begin(new HeldBuffers<Segment>());
  try {
    held.buf = shelf.get();
    const isSame = source.room === room && source.head === head && source.tail === tail;
    if (!isSame || source.state !== STATE.live || acquired[shelf.tag] !== (before + 1) >>> 0) {
      giveUp(held);
      return undefined;
    }
    copyBytes(room.bytes, held.buf.room.bytes, held.buf.tail, head, tail);
  } catch (error) {
    giveUp(held);
    throw error;
  }
  const copy = held.buf;
  copy.tail += length;
  finish(held);
  return copy;
}

function copyOfChain(source: Segment): Segment {
  checkLive(source, 'copy');
  return PacketWriter.filled(source.room.shelf, (writer) => {
    // Of a clone, because subscribers may do anything with the packet.
    const held = begin(new HeldBuffers<Segment>());
    try {
      held.buf = slice(source, 0, source.length);
      for (let part: Segment | undefined = held.buf; part !== undefined; part = part.next) {
        writer.bytes(viewBytes(part.room.bytes, part.head, part.tail));
      }
    } catch (error) {
      giveUp(held);
      throw error;
    }
    releaseHeld(held);
  });
}
