// SPDX-License-Identifier: ISC
//
// The ends that af-to gives a new connection (pf_get_transaddr_af): a source from the pool, a destination that is written in the
// original one, behind a prefix (RFC 6052), or in the pool behind `to`.

import { addressBits, type Family, INET, maskWord } from '../../abi/address.ts';
import * as embedded4 from '../../wire/embedded4.ts';
import type { ActiveRule } from './activeRule.ts';
import { echoType, isTranslatable } from './changeFamily.ts';
import type { Descriptor } from './descriptor.ts';
import { type Ends, protocolIn } from './ends.ts';
import type { Pools } from './pools.ts';
import type { Ports } from './ports.ts';
import type { RulePool } from './rulePool.ts';
import { redirectPort } from './translation.ts';

export class NewEnds {
  private readonly pools: Pools;
  private readonly ports: Ports;
  /** An address of the packet's as pools of the other family are asked with it. */
  private readonly words = new Int32Array(4);
  private readonly embedded = new Int32Array(4);

  constructor(parts: { pools: Pools; ports: Ports }) {
    this.pools = parts.pools;
    this.ports = parts.ports;
  }

  /** Fills `ends`; false when the packet has no counterpart, or nothing is free. */
  choose(rule: ActiveRule, packet: Descriptor, family: Family, ends: Ends): boolean {
    const pool = rule.nat;
    if (pool === undefined || !isTranslatable(packet)) return false;
    ends.protocol = protocolIn(family, packet.protocol);
    if (!this.chooseFrom(pool, family, packet.source)) return false;
    ends.source.set(this.pools.address);
    if (!this.setDestination(rule, pool, packet, family, ends)) return false;
    ends.family = family;
    const port = this.ports.findFor(packet, pool.pool, ends);
    ends.sourcePort = port;
    if (port < 0) ends.family = 0;
    return port >= 0;
  }

  /** Asks a pool for an address of `family`, by one of the other family. */
  private chooseFrom(pool: RulePool, family: Family, original: Int32Array): boolean {
    const { words } = this;
    words.fill(0);
    // Hashes see all of an address, host parts its last bits.
    if (family === INET) words[0] = original[0]! ^ original[1]! ^ original[2]! ^ original[3]!;
    else words[3] = original[0]!;
    this.embedded.fill(0);
    if (family === INET) this.embedded[0] = original[3]!;
    else this.embedded[3] = original[0]!;
    return this.pools.choose(pool, family, words, this.embedded);
  }

  private setDestination(
    rule: ActiveRule,
    from: RulePool,
    packet: Descriptor,
    family: Family,
    ends: Ends,
  ): boolean {
    const { rdr } = rule;
    ends.destinationPort = packet.hasPorts ? packet.destinationPort : Math.max(0, echoType(packet));
    if (rdr === undefined) {
      if (family === INET) ends.destination[0] = embedded4.extract(packet.destination, writtenLength(rule));
      else embed(ends.source, from.network?.length, packet.destination[0]!, ends.destination);
      return true;
    }
    if (!this.chooseFrom(rdr, family, packet.destination)) return false;
    const { address } = this.pools;
    const length = rdr.network?.length ?? addressBits(family);
    if (family === INET) {
      const mask = maskWord(length, 0);
      ends.destination[0] = (address[0]! & mask) | (packet.destination[3]! & ~mask);
    } else if (length > embedded4.DEFAULT_LENGTH) {
      ends.destination.set(address);
      const mask = maskWord(length, 3);
      ends.destination[3] = (address[3]! & mask) | (packet.destination[0]! & ~mask);
    } else {
      embed(address, length, packet.destination[0]!, ends.destination);
    }
    if (packet.hasPorts) ends.destinationPort = redirectPort(rule, rdr, packet.destinationPort);
    return true;
  }
}

/** Bits of the prefix that the rule's destinations begin with; 96 unless IPv4 addresses can stand behind so many. */
function writtenLength({ rule }: ActiveRule): number {
  const { address } = rule.destination;
  const length = address.kind === 'prefix' ? address.prefix.length : 0;
  return embedded4.isLength(length) ? length : embedded4.DEFAULT_LENGTH;
}

function embed(prefix: Int32Array, length: number | undefined, address: number, into: Int32Array): void {
  const known = length !== undefined && embedded4.isLength(length);
  embedded4.embed(prefix, known ? length : embedded4.DEFAULT_LENGTH, address, into);
}
