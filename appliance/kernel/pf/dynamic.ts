// SPDX-License-Identifier: ISC
//
// `(vr0:network)`: addresses of an interface or group as they are now (pf_if.c, pfi_dynaddr).

import { INET, maskWord } from '../../abi/address.ts';
import type { DynamicAddress, RuleAddress } from '../../abi/rule.ts';
import type { InterfaceAddress } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';

/** Addresses that a dynamic address stands for now, main ones first. */
export function dynamicAddresses(
  interfaces: Interfaces,
  dynamic: DynamicAddress,
  family: number,
): InterfaceAddress[] {
  return interfaces.named(dynamic.interface).flatMap((on) => {
    const own = on.addresses.filter((address) => address.family === family && isGlobalOrAlone(address));
    return dynamic.noAlias ? own.slice(0, 1) : own;
  });
}

/** Link-local addresses are left out, as the original does. */
function isGlobalOrAlone(address: InterfaceAddress): boolean {
  return address.family === INET || (address.words[0]! & 0xffc00000) !== (0xfe800000 | 0);
}

/** Whether the address is one of those. */
export function dynamicContains(
  interfaces: Interfaces,
  address: RuleAddress,
  family: number,
  words: Int32Array,
): boolean {
  if (address.kind !== 'dynamic') return false;
  for (const own of dynamicAddresses(interfaces, address, family)) {
    if (address.broadcast ? own.broadcast === words[0] : isWithin(own, lengthFor(address, own), words))
      return true;
  }
  return false;
}

function lengthFor(dynamic: DynamicAddress, own: InterfaceAddress): number {
  if (dynamic.length !== undefined) return dynamic.length;
  if (dynamic.network) return own.length;
  return own.family === INET ? 32 : 128;
}

function isWithin(own: InterfaceAddress, length: number, words: Int32Array): boolean {
  for (let i = 0; i < own.words.length; i++) {
    if (((own.words[i]! ^ words[i]!) & maskWord(length, i)) !== 0) return false;
  }
  return true;
}
