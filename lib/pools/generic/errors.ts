/** What a call of acquire() that waited in vain is rejected with. */
export class TimeoutError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TimeoutError';
  }
}

export const timeoutError = () => new TimeoutError('ResourceRequest timed out');
export const tooManyWaitingError = () => new Error('max waitingClients count exceeded');
export const drainingError = () => new Error('pool is draining and cannot accept work');
export const strangerError = () => new Error('Resource not currently part of this pool');
export const destroyTimeoutError = () => new Error('destroy timed out');
