/** A mistake on the command line: the message is all that its maker needs. */
export class UsageError extends Error {}
