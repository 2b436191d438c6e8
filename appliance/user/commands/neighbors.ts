// SPDX-License-Identifier: ISC
//
// What arp(8) and ndp(8) have in common: rows of neighbours, one neighbour by name.

import type { Address, Family } from '../../abi/address.ts';
import { formatAddress, formatLinkAddress, parseAddress } from '../../abi/addressText.ts';
import type { Neighbor } from '../../abi/neighbor.ts';
import type { CommandContext } from './command.ts';
import { Failure, kernelOf } from './failure.ts';

/** `permanent`, `expired`, or the time left as `1h2m3s`. */
export function expiry(neighbor: Neighbor): string {
  if (neighbor.expires === undefined) return neighbor.state === 'incomplete' ? 'expired' : 'permanent';
  const seconds = Math.max(0, neighbor.expires);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds % 60}s`;
}

export function linkText(neighbor: Neighbor): string {
  return neighbor.linkAddress === undefined ? '(incomplete)' : formatLinkAddress(neighbor.linkAddress);
}

/** An address of the family; a Failure for anything else. */
export function addressOf(text: string, family: Family): Address {
  const address = parseAddress(text.split('%')[0]!);
  if (address?.family !== family) throw new Failure(`${text}: bad value`);
  return address;
}

export async function listNeighbors(context: CommandContext, family: Family): Promise<readonly Neighbor[]> {
  return kernelOf(context).call('neighbor.list', { family });
}

/** The rows as data. */
export function neighborsJson(neighbors: readonly Neighbor[]): string {
  const rows = neighbors.map((neighbor) => ({
    ...neighbor,
    address: formatAddress(neighbor.address),
    linkAddress: neighbor.linkAddress && formatLinkAddress(neighbor.linkAddress),
  }));
  return `${JSON.stringify({ neighbors: rows })}\n`;
}
