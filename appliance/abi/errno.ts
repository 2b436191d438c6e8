// SPDX-License-Identifier: ISC
//
// How a call fails: errno(2) names, and the words userland prints for them.

/** Names from errno(2) that kernel calls answer with. */
export type Errno = keyof typeof ERRNO_TEXT;

/** strerror(3) texts, as OpenBSD prints them. */
export const ERRNO_TEXT = {
  EPERM: 'Operation not permitted',
  ENOENT: 'No such file or directory',
  ESRCH: 'No such process',
  ENXIO: 'Device not configured',
  E2BIG: 'Argument list too long',
  EBADF: 'Bad file descriptor',
  ENOMEM: 'Cannot allocate memory',
  EBUSY: 'Device busy',
  EEXIST: 'File exists',
  ENODEV: 'Operation not supported by device',
  EINVAL: 'Invalid argument',
  ENFILE: 'Too many open files in system',
  EDOM: 'Numerical argument out of domain',
  EAGAIN: 'Resource temporarily unavailable',
  EINPROGRESS: 'Operation now in progress',
  EDESTADDRREQ: 'Destination address required',
  EMSGSIZE: 'Message too long',
  EPROTONOSUPPORT: 'Protocol not supported',
  EOPNOTSUPP: 'Operation not supported',
  EAFNOSUPPORT: 'Address family not supported by protocol family',
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: "Can't assign requested address",
  ENETDOWN: 'Network is down',
  ENETUNREACH: 'Network is unreachable',
  ECONNABORTED: 'Software caused connection abort',
  ECONNRESET: 'Connection reset by peer',
  ENOBUFS: 'No buffer space available',
  EISCONN: 'Socket is already connected',
  ENOTCONN: 'Socket is not connected',
  EPIPE: 'Broken pipe',
  ETIMEDOUT: 'Operation timed out',
  ECONNREFUSED: 'Connection refused',
  EHOSTDOWN: 'Host is down',
  EHOSTUNREACH: 'No route to host',
} as const;

/** A failed call. `code` is for programs, the message for people. */
export class CallError extends Error {
  readonly code: Errno;

  constructor(code: Errno, message: string = ERRNO_TEXT[code]) {
    super(message);
    this.name = 'CallError';
    this.code = code;
  }
}
