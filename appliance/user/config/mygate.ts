// SPDX-License-Identifier: ISC
//
// mygate(5): the default gateways, one of each family.

import type { Address } from '../../abi/address.ts';
import { parseZonedAddress } from '../../abi/addressText.ts';
import { ConfigError, significantLines } from './lines.ts';

export interface Gateway {
  readonly address: Address;
  /** The interface whose link it is on; link-local addresses only. */
  readonly zone?: string;
}

/** Reads /etc/mygate; at most one gateway of each family, further ones are a mistake. */
export function parseMygate(text: string, file: string): Gateway[] {
  const gateways: Gateway[] = [];
  for (const line of significantLines(text)) {
    const gateway = parseZonedAddress(line.text);
    if (gateway === undefined) throw new ConfigError(file, line.number, `${line.text} is not an address`);
    const { family } = gateway.address;
    if (gateways.some(({ address }) => address.family === family)) {
      throw new ConfigError(file, line.number, `there is an IPv${family} gateway already`);
    }
    gateways.push(gateway);
  }
  return gateways;
}
