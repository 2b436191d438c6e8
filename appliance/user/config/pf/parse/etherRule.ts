// SPDX-License-Identifier: ISC
//
// `ether pass`, `ether block` and `ether anchor` (pf.conf(5) of FreeBSD, "ETHERNET FILTERING").

import type { RuleHost } from '../../../../abi/rule.ts';
import { decideFamily } from '../build/expand.ts';
import type { EtherHost, EtherRule } from '../etherRule.ts';
import type { Parsing } from '../parsing.ts';
import type { HostNode, HostsNode } from '../syntax.ts';
import { parseDirection, parseInterfaces } from './criteria.ts';
import { parseFilterOptions } from './filterOptions.ts';
import { endStatement } from './filterRule.ts';
import { parseHosts } from './hosts.ts';

const OPTIONS: ReadonlySet<string> = new Set([
  ...['tag', '!', 'tagged', 'queue', 'label', 'ridentifier', 'dnpipe', 'dnqueue'],
]);
const MAC = /^(?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i;
const MAC_BITS = 48;
const MAX_TYPE = 0xffff;
/** What the lists of one rule may be multiplied out to. */
const MAX_RULES = 10_000;

/** One statement; `ether` has been taken. */
export function parseEther(p: Parsing): void {
  p.config.etherRules.push(...parseEtherRules(p));
}

function parseEtherRules(p: Parsing): EtherRule[] {
  const { cursor } = p;
  const action = (['pass', 'block', 'anchor'] as const).find((word) => cursor.accept(word));
  if (action === undefined) return cursor.syntaxError();
  const anchor = action === 'anchor' && cursor.atString('anchor') ? cursor.take().text : undefined;
  const direction = parseDirection(p);
  const quick = cursor.accept('quick');
  const interfaces = parseInterfaces(p);
  const bridgeTo = cursor.accept('bridge-to') ? cursor.string('interface') : undefined;
  const protocols = cursor.accept('proto') ? cursor.listOf(() => parseType(p)) : undefined;
  const sources = cursor.accept('from') ? cursor.listOf(() => parseMac(p)) : undefined;
  const destinations = cursor.accept('to') ? cursor.listOf(() => parseMac(p)) : undefined;
  const hosts = cursor.accept('l3') ? parseHosts(p) : { source: undefined, destination: undefined };
  const marks = parseFilterOptions(p, OPTIONS);
  const line = { file: cursor.file, line: cursor.line };
  const body = action === 'anchor' && cursor.acceptOperator('{') ? parseBody(p) : undefined;
  endStatement(p);
  if (action === 'anchor' && anchor === undefined && body === undefined) {
    cursor.fail('anchors without explicit rules must specify a name');
  }
  const common = { action, anchor, direction, quick, bridgeTo, marks, body, line };
  const rules = product(interfaces, protocols, sources, destinations, networks(hosts));
  if (rules === undefined) return cursor.fail(`lists make more than ${MAX_RULES} rules`);
  return rules.map((one) => ({ ...common, ...one }));
}

function parseBody(p: Parsing): EtherRule[] {
  const { cursor } = p;
  const rules: EtherRule[] = [];
  while (!cursor.acceptOperator('}')) {
    if (!cursor.atNewline()) {
      cursor.require('ether');
      rules.push(...parseEtherRules(p));
    }
    if (!cursor.atNewline()) cursor.syntaxError();
    cursor.take();
  }
  return rules;
}

/** An EtherType, in decimal or as `0x0806`. */
function parseType(p: Parsing): number {
  const type = p.cursor.numberOrHex();
  if (type < 1 || type > MAX_TYPE) p.cursor.fail('protocol outside range');
  return type;
}

/** `[!] MAC`, `MAC/BITS`, `MAC&MASK`. */
function parseMac(p: Parsing): EtherHost {
  const { cursor } = p;
  const negated = cursor.acceptOperator('!');
  const [address = '', mask, ...rest] = cursor.string('Ethernet address').toLowerCase().split('&');
  const legal = MAC.test(address) && (mask === undefined || MAC.test(mask)) && rest.length === 0;
  if (!legal) cursor.fail('invalid mac address');
  const text = mask === undefined ? padded(address) : `${padded(address)}&${padded(mask)}`;
  if (mask !== undefined || !cursor.acceptOperator('/')) return { address: text, negated };
  const bits = cursor.number();
  if (bits < 0 || bits > MAC_BITS) cursor.fail('invalid mac mask length');
  return { address: bits === MAC_BITS ? text : `${text}/${bits}`, negated };
}

function padded(mac: string): string {
  const bytes = mac.split(':').map((byte) => byte.padStart(2, '0'));
  return bytes.join(':');
}

const ANY: HostNode = { address: { kind: 'any' }, negated: false };

/** The pairs of addresses behind `l3`, families that disagree left out. */
function networks(hosts: HostsNode): EtherRule['network'][] {
  const family = decideFamily(undefined, hosts);
  const pairs: EtherRule['network'][] = [];
  for (const source of hosts.source ?? [ANY]) {
    for (const destination of hosts.destination ?? [ANY]) {
      if (source.family && destination.family && source.family !== destination.family) continue;
      pairs.push({
        family: family ?? source.family ?? destination.family,
        source: side(source, hosts.sourcePorts),
        destination: side(destination, hosts.destinationPorts),
      });
    }
  }
  return pairs;
}

function side({ address, negated }: HostNode, ports: HostsNode['sourcePorts']): RuleHost {
  return { address, negated, ...(ports?.[0] && { port: ports[0] }) };
}

type Expanded = Pick<EtherRule, 'interface' | 'protocol' | 'source' | 'destination' | 'network'>;

/** All combinations, the rightmost list first; undefined where they are too many. */
function product(
  interfaces: ReturnType<typeof parseInterfaces>,
  protocols: readonly number[] | undefined,
  sources: readonly EtherHost[] | undefined,
  destinations: readonly EtherHost[] | undefined,
  pairs: readonly EtherRule['network'][],
): Expanded[] | undefined {
  const lists = [interfaces, protocols, sources, destinations, pairs];
  if (lists.reduce((many, list) => many * (list?.length ?? 1), 1) > MAX_RULES) return undefined;
  const rules: Expanded[] = [];
  for (const on of interfaces ?? [undefined]) {
    for (const protocol of protocols ?? [undefined]) {
      for (const source of sources ?? [undefined]) {
        for (const destination of destinations ?? [undefined]) {
          for (const network of pairs) {
            const place = on && { name: on.name, negated: on.negated };
            rules.push({ interface: place, protocol, source, destination, network });
          }
        }
      }
    }
  }
  return rules;
}
