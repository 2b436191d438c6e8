// SPDX-License-Identifier: ISC
//
// sticky-address: a source that a pool has chosen for keeps what was chosen as long as its node lives.

import type { ActiveRule } from './activeRule.ts';
import type { Descriptor } from './descriptor.ts';
import type { Pools } from './pools.ts';
import type { RulePool } from './rulePool.ts';
import type { SourceNode, SourceNodes } from './sourceNodes.ts';

export class Sticky {
  private readonly pools: Pools;
  private readonly nodes: SourceNodes;

  constructor(parts: { pools: Pools; sourceNodes: SourceNodes }) {
    this.pools = parts.pools;
    this.nodes = parts.sourceNodes;
  }

  /** The node of the packet's source, with the choice also in `pools.address`; undefined when there is nothing to choose. */
  choose(
    rule: ActiveRule,
    pool: RulePool,
    packet: Descriptor,
    purpose: string,
    original: Int32Array,
  ): SourceNode | undefined {
    const { pools } = this;
    const known = this.nodes.find(rule, purpose, packet.family, packet.source);
    if (known?.hasChosen && pools.offers(pool, packet.family, known.chosen)) {
      pools.take(known.chosen, known.chosenInterface);
      return known;
    }
    if (!pools.choose(pool, packet.family, packet.source, original)) return undefined;
    const node = known ?? this.nodes.insert(rule, purpose, packet.family, packet.source);
    if (node === undefined) return undefined;
    node.hasChosen = true;
    node.chosen.set(pools.address);
    node.chosenInterface = pools.interface;
    return node;
  }
}
