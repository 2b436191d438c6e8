// SPDX-License-Identifier: ISC
//
// The system calls that Node does not offer, by koffi. Buffers of the packet path go as addresses (numbers): a view made for each
// frame would be garbage for each frame. Memory behind an ArrayBuffer does not move; who passes an address keeps the buffer alive.

import koffi from 'koffi';

const libc = koffi.load('libc.so.6');

export const O_RDWR = 2;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const EAGAIN = 11;
export const EIO = 5;
export const EINVAL = 22;
export const ENOBUFS = 105;
export const POLLIN = 1;
export const POLLOUT = 4;
export const AF_INET = 2;
export const SOCK_DGRAM = 2;
const EFD_NONBLOCK = O_NONBLOCK;
const EFD_CLOEXEC = O_CLOEXEC;

type Fd = number;

export const open = libc.func('int open(const char *path, int flags)') as (path: string, flags: number) => Fd;
export const close = libc.func('int close(int fd)') as (fd: Fd) => number;
/** `request` with a pointer to `argument`, changed in place. */
export const ioctl = libc.func('int ioctl(int fd, unsigned long request, _Inout_ uint8_t *argument)') as (
  fd: Fd,
  request: number,
  argument: Uint8Array,
) => number;
/** `request` with a plain value. */
export const ioctlValue = libc.func('ioctl', 'int', ['int', 'unsigned long', 'unsigned long']) as (
  fd: Fd,
  request: number,
  value: number,
) => number;
export const read = libc.func('long read(int fd, uintptr_t buffer, size_t count)') as (
  fd: Fd,
  address: number,
  count: number,
) => number;
export const write = libc.func('long write(int fd, uintptr_t buffer, size_t count)') as (
  fd: Fd,
  address: number,
  count: number,
) => number;
export const poll = libc.func('int poll(uintptr_t fds, unsigned long count, int timeout)') as (
  address: number,
  count: number,
  milliseconds: number,
) => number;
export const socket = libc.func('int socket(int domain, int type, int protocol)') as (
  domain: number,
  type: number,
  protocol: number,
) => Fd;
export const madvise = libc.func('int madvise(uintptr_t address, size_t length, int advice)') as (
  address: number,
  length: number,
  advice: number,
) => number;
const eventfdCall = libc.func('int eventfd(unsigned int value, int flags)') as (
  value: number,
  flags: number,
) => Fd;

/** A counter that one thread polls and another one writes to. */
export function eventfd(): Fd {
  return eventfdCall(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/** errno(3) of the last call in this thread. */
export function errno(): number {
  return koffi.errno();
}

/** Where the bytes of a buffer are. */
export function addressOf(bytes: Uint8Array): number {
  return Number(koffi.address(bytes));
}

/** What strerror(3) says of an error number, for the few that opening a TAP can meet. */
export function describeError(number: number): string {
  const words: Readonly<Record<number, string>> = {
    1: 'Operation not permitted',
    2: 'No such file or directory',
    13: 'Permission denied',
    16: 'Device or resource busy',
    19: 'No such device',
    22: 'Invalid argument',
  };
  return words[number] ?? `error ${number}`;
}
