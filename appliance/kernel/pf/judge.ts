// SPDX-License-Identifier: ISC
//
// One packet through the filter with a recorder: what was looked at, what matched, what decided. The filter's own run, not another one.

import type { Address } from '../../abi/address.ts';
import type { Judgement, PacketEnds, RuleReference } from '../../abi/judgement.ts';
import { REASONS } from '../../abi/names.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as udp from '../../wire/udp.ts';
import { DIRECTION_IN, DIRECTION_OUT, DROP } from '../filter.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet } from '../packet.ts';
import type { ActiveRule } from './activeRule.ts';
import type { PfParts } from './parts.ts';
import type { Pf } from './pf.ts';
import { ACTION_BLOCK } from './ruleRow.ts';
import { REASON_MATCH } from './statistics.ts';

/** Judges a packet whose transport has been found, as IP hands it to the filter. It is changed as the filter changes it. */
export function judge(pf: Pf, packet: Packet, on: Interface, direction: 'in' | 'out'): Judgement {
  const { parts } = pf;
  const { evaluator, statistics, states, settings } = parts;
  const looked: (RuleReference & { matched: boolean })[] = [];
  const before = endsOf(packet);
  const counted = statistics.reasons.slice();
  const inserts = states.inserts;
  evaluator.recorder = {
    evaluated: (rule, matched) => looked.push({ ...referTo(rule), matched }),
  };
  const outcome = pf.test(packet, on, direction === 'in' ? DIRECTION_IN : DIRECTION_OUT);
  evaluator.recorder = undefined;
  const ruled = statistics.reasons[REASON_MATCH]! > counted[REASON_MATCH]!;
  const reason = REASONS.find((_, i) => i !== REASON_MATCH && statistics.reasons[i]! > counted[i]!);
  const createsState = states.inserts > inserts;
  const common = { matches: [], looked, before, after: endsOf(packet), createsState };
  if (!settings.enabled || on.filterOn.skipFilter) return { ...common, verdict: 'pass', by: 'nobody' };
  if (reason !== undefined) return { ...common, verdict: 'block', by: 'reason', reason };
  if (ruled) return byRules(parts, common);
  const state = packet.state;
  if (state < 0) return { ...common, verdict: outcome === DROP ? 'block' : 'pass', by: 'nobody' };
  return {
    ...common,
    verdict: outcome === DROP ? 'block' : 'pass',
    by: 'state',
    rule: referTo(parts.life.ruleOf(state)),
  };
}

type Common = Pick<Judgement, 'matches' | 'looked' | 'before' | 'after' | 'createsState'>;

function byRules(parts: PfParts, common: Common): Judgement {
  const { rules } = parts;
  return {
    ...common,
    verdict: rules.rule.action === ACTION_BLOCK ? 'block' : 'pass',
    by: 'rule',
    rule: referTo(rules.rule),
    matches: rules.matchRules.map(referTo),
    ...(rules.natRule === undefined ? {} : { translationRule: referTo(rules.natRule) }),
    ...routeOf(parts, common.before.source.family),
  };
}

function routeOf({ rules }: PfParts, family: 4 | 6): Pick<Judgement, 'route'> {
  const { routeKind, routeAddress, routeOn } = rules;
  if (routeKind === undefined) return {};
  const address: Address = { family, words: [...routeAddress.subarray(0, family === 4 ? 1 : 4)] };
  return {
    route: { kind: routeKind, address, ...(routeOn === undefined ? {} : { interface: routeOn.name }) },
  };
}

function referTo({ anchor, number, rule }: ActiveRule): RuleReference {
  return { anchor, number, rule };
}

function endsOf({ bytes, network, transport, end }: Packet): PacketEnds {
  const isV4 = ipv4.version(bytes, network) === 4;
  const words = (at: number): Address =>
    isV4
      ? { family: 4, words: [ipv6.addressWord(bytes, at, 0)] }
      : { family: 6, words: [0, 1, 2, 3].map((i) => ipv6.addressWord(bytes, at, i)) };
  const protocol = isV4 ? ipv4.protocol(bytes, network) : ipv6.nextHeader(bytes, network);
  const hasPorts = (protocol === ipv4.PROTOCOL_TCP || protocol === ipv4.PROTOCOL_UDP) && end - transport >= 4;
  const isEcho = protocol === ipv4.PROTOCOL_ICMP || protocol === ipv6.NEXT_ICMP6;
  const id = isEcho && end - transport >= icmp.HEADER_LENGTH ? icmp.identifier(bytes, transport) : 0;
  return {
    source: words(isV4 ? ipv4.sourceAt(network) : ipv6.sourceAt(network)),
    sourcePort: hasPorts ? udp.sourcePort(bytes, transport) : id,
    destination: words(isV4 ? ipv4.destinationAt(network) : ipv6.destinationAt(network)),
    destinationPort: hasPorts ? udp.destinationPort(bytes, transport) : id,
  };
}
