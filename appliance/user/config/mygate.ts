// SPDX-License-Identifier: ISC
//
// mygate(5): the default gateways, one of each family.

import type { Address } from '../../abi/address.ts';
import { parseAddress } from '../../abi/addressText.ts';
import { ConfigError, significantLines } from './lines.ts';

/** Reads /etc/mygate; at most one gateway of each family, further ones are a mistake. */
export function parseMygate(text: string, file: string): Address[] {
  const gateways: Address[] = [];
  for (const line of significantLines(text)) {
    const address = parseAddress(line.text);
    if (address === undefined) throw new ConfigError(file, line.number, `${line.text} is not an address`);
    if (gateways.some((gateway) => gateway.family === address.family)) {
      throw new ConfigError(file, line.number, `there is an IPv${address.family} gateway already`);
    }
    gateways.push(address);
  }
  return gateways;
}
