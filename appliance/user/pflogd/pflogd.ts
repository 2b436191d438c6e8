// SPDX-License-Identifier: ISC
//
// pflogd(8): writes what pf logs on pflog0 to var/log/pflog, a capture file that any tcpdump reads.

import type { KernelClient } from '../../abi/client.ts';
import { fileHeader, fileRecord, readBatch } from '../captureFrames.ts';

/** As much of a packet as the original's -s keeps unless it is told another number. */
const SNAPLEN = 160;
const MINIMUM_SNAPLEN = 64;
const MAXIMUM_SNAPLEN = 65_535;
const INTERFACE = 'pflog0';

export interface PflogdFlags {
  readonly interface: string;
  readonly snaplen: number;
}

/** Where records go: a file that is begun with a header, and begun anew when it is full. */
export interface LogFile {
  /** Appends; every file begins with `header`. */
  append(record: Uint8Array): void;
  close(): void;
}

/** Reads `-i interface -s snaplen` (`-x` and `-D`, which check and stay, are taken for granted); or says what is wrong. */
export function parsePflogdFlags(words: readonly string[]): PflogdFlags | { readonly problem: string } {
  let on = INTERFACE;
  let snaplen = SNAPLEN;
  const rest = [...words];
  while (rest.length > 0) {
    const word = rest.shift()!;
    if (word === '-D' || word === '-x') continue;
    const value = rest.shift();
    if (value === undefined) return { problem: `${word} needs an argument` };
    if (word === '-i') on = value;
    else if (word === '-s' && /^\d{1,5}$/.test(value)) snaplen = Number(value);
    else return { problem: `${word} ${value} is not understood (-i interface, -s snaplen)` };
  }
  if (snaplen < MINIMUM_SNAPLEN || snaplen > MAXIMUM_SNAPLEN) {
    return { problem: `a snaplen is ${MINIMUM_SNAPLEN} to ${MAXIMUM_SNAPLEN}` };
  }
  return { interface: on, snaplen };
}

/** Begins to log; the answer ends it. `booted`: milliseconds since the epoch at which the kernel's clock read 0. */
export async function startPflogd(parts: {
  readonly kernel: KernelClient;
  readonly flags: PflogdFlags;
  readonly booted: number;
  readonly open: (header: Uint8Array) => LogFile;
  readonly complain: (error: Error) => void;
}): Promise<() => Promise<void>> {
  const { kernel, flags, booted } = parts;
  const { id, linkType } = await kernel.call('capture.open', {
    interface: flags.interface,
    snaplen: flags.snaplen,
  });
  const file = parts.open(fileHeader(linkType, flags.snaplen));
  const drain = async (): Promise<void> => {
    const { records } = await kernel.call('capture.read', { id });
    for (const frame of readBatch(records, booted)) file.append(fileRecord(frame));
  };
  const unlisten = kernel.on('capture.ready', (data) => {
    if (data.id === id) drain().catch(parts.complain);
  });
  return async () => {
    unlisten();
    await drain();
    await kernel.call('capture.close', { id });
    file.close();
  };
}
