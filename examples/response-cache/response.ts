// Replies in a cache that all processes have in common: headers and body as one value.

export interface CachedReply {
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Length of the headers, the headers as JSON, the body. */
export function bytesOf({ headers, body }: CachedReply): Buffer {
  const head = Buffer.from(JSON.stringify(headers));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  return Buffer.concat([length, head, body]);
}

export function replyOf(bytes: Buffer): CachedReply {
  const bodyAt = 4 + bytes.readUInt32LE(0);
  const headers = JSON.parse(bytes.toString('utf8', 4, bodyAt)) as Record<string, string>;
  return { headers, body: bytes.subarray(bodyAt) };
}
