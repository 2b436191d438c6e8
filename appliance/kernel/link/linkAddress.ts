// SPDX-License-Identifier: ISC
//
// Ethernet addresses: as two numbers inside the kernel, as six bytes for userland.

import type { LinkAddress } from '../../abi/address.ts';

/** The six bytes of an address given by its high 16 and low 32 bits. */
export function linkAddress(high: number, low: number): LinkAddress {
  return [high >>> 8, high & 255, low >>> 24, (low >>> 16) & 255, (low >>> 8) & 255, low & 255];
}
