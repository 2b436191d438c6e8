// SPDX-License-Identifier: ISC
//
// Giving a pcb its local and remote ends (in_pcbbind, in_pcbconnect), the same for TCP and UDP.

import type { Address } from '../../abi/address.ts';
import { CallError } from '../../abi/errno.ts';
import type { Endpoint } from '../../abi/socket.ts';
import type { Random } from '../random.ts';
import type { Network } from './network.ts';
import { isAny, type Pcb, type PcbTable } from './pcb.ts';
import { choosePort } from './ports.ts';

/**
 * Binds to an address of ours (or any) and a port (0: an ephemeral one) and enters the table. CallError EAFNOSUPPORT,
 * EADDRNOTAVAIL, EADDRINUSE, EINVAL.
 */
export function bindLocal<T extends Pcb>(
  from: { readonly random: Random },
  table: PcbTable<T>,
  pcb: T,
  network: Network,
  address: Address | undefined,
  port: number,
): void {
  const local = new Int32Array(4);
  if (address !== undefined) local.set(wordsOf(pcb, address));
  if (!isAny(local) && !network.isLocal(local)) throw new CallError('EADDRNOTAVAIL');
  const chosen =
    port === 0 ? choosePort(from.random, (one) => table.conflicts(pcb.family, local, one)) : checked(port);
  if (chosen === 0) throw new CallError('EADDRNOTAVAIL');
  if (table.conflicts(pcb.family, local, chosen)) throw new CallError('EADDRINUSE');
  pcb.local.set(local);
  pcb.localPort = chosen;
  table.insertBound(pcb);
}

/**
 * Sets the remote end, and the local one as far as it is still open: the address that leads there, an ephemeral port. The pcb
 * leaves the bound ones; it is the caller's to enter it among the connected. CallError as above, EHOSTUNREACH without a way.
 */
export function bindRemote<T extends Pcb>(
  from: { readonly random: Random },
  table: PcbTable<T>,
  pcb: T,
  network: Network,
  remote: Endpoint,
): void {
  const words = new Int32Array(4);
  words.set(wordsOf(pcb, remote.address));
  const port = checked(remote.port);
  if (port === 0 || isAny(words)) throw new CallError('EADDRNOTAVAIL');
  const local = Int32Array.from(pcb.local);
  if (isAny(local) && !network.source(words, local)) throw new CallError('EHOSTUNREACH');
  const taken = (one: number): boolean =>
    table.listening(pcb.family, local, one) !== undefined ||
    table.connected(pcb.family, local, one, words, port) !== undefined;
  const localPort = pcb.localPort === 0 ? choosePort(from.random, taken) : pcb.localPort;
  if (localPort === 0) throw new CallError('EADDRNOTAVAIL');
  if (table.connected(pcb.family, local, localPort, words, port) !== undefined) {
    throw new CallError('EADDRINUSE');
  }
  if (pcb.localPort !== 0) table.removeBound(pcb);
  pcb.local.set(local);
  pcb.localPort = localPort;
  pcb.remote.set(words);
  pcb.remotePort = port;
}

function wordsOf(pcb: Pcb, address: Address): readonly number[] {
  if (address.family !== pcb.family) throw new CallError('EAFNOSUPPORT');
  return address.words;
}

function checked(port: number): number {
  if (!Number.isInteger(port) || port < 0 || port > 0xffff) throw new CallError('EINVAL');
  return port;
}
