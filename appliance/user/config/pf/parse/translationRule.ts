// SPDX-License-Identifier: ISC
//
// nat, rdr and binat rules of 2008 (pf.conf(5) of OpenBSD 4.4, "TRANSLATION").

import type { Family } from '../../../../abi/address.ts';
import { NAT_PORT_HIGH, NAT_PORT_LOW } from '../../../../abi/names.ts';
import type { Pool, Rule, RuleAddress, RuleLog } from '../../../../abi/rule.ts';
import { expandRule } from '../build/expand.ts';
import { standsForSeveral, starEnd } from '../build/targets.ts';
import type { RuleDraft } from '../build/template.ts';
import type { Parsing } from '../parsing.ts';
import type { HostList, HostNode, HostsNode, RedirectionNode } from '../syntax.ts';
import { parseFamily, parseInterfaces, parseLog, parseProtocols, parseRtable } from './criteria.ts';
import { checkOrder, checkSinglePool, checkTags, endStatement, needsRoundRobin } from './filterRule.ts';
import { parseHost, parseHostList, parseHosts } from './hosts.ts';
import { parseRedirection } from './pools.ts';

interface Marks {
  readonly tag?: string;
  readonly tagged?: { readonly name: string; readonly negated: boolean };
  readonly rtable?: number;
}

/** `[pass] [log]`, checked against a leading `no`. */
function parsePassLog(p: Parsing, no: boolean): { pass?: boolean; log?: RuleLog } {
  const pass = p.cursor.accept('pass') || undefined;
  const log = parseLog(p);
  // A leading `no` excludes `pass`; the originals notice when they have read both.
  if (no && pass) {
    p.cursor.peek();
    p.cursor.fail('"pass" not valid with "no"');
  }
  return { pass, log };
}

function parseMarks(p: Parsing): Marks {
  const { cursor } = p;
  const tag = cursor.accept('tag') ? cursor.string('tag') : undefined;
  let tagged: Marks['tagged'];
  const negated = cursor.acceptOperator('!');
  if (negated) cursor.require('tagged');
  if (negated || cursor.accept('tagged')) tagged = { name: cursor.strings(), negated };
  const rtable = cursor.accept('rtable') ? parseRtable(p) : undefined;
  return { tag, tagged, rtable };
}

/** One nat or rdr rule; `no` and the action have been taken. */
export function parseNatRule(p: Parsing, action: 'nat' | 'rdr', no: boolean): void {
  const { pass, log } = parsePassLog(p, no);
  const interfaces = parseInterfaces(p);
  let family = parseFamily(p);
  const protocols = parseProtocols(p);
  const hosts = parseHosts(p);
  const marks = parseMarks(p);
  const target = p.cursor.acceptOperator('->') ? parseRedirection(p) : undefined;
  endStatement(p);
  checkOrder(p, 'translation');
  family ??= firstFamily(hosts.source) ?? firstFamily(hosts.destination);
  checkTags(p, marks.tag, marks.tagged?.name);
  let pool: Pool | undefined;
  if (no) {
    if (target !== undefined) p.cursor.fail("translation rule with 'no' does not need '->'");
  } else {
    if (target === undefined) p.cursor.fail("translation rule requires '-> address'");
    ({ pool, family } = buildPool(p, action, target, hosts, family));
  }
  expandRule(p, {
    template: {
      list: action,
      action,
      no: no || undefined,
      pass,
      log,
      quick: false,
      family,
      ...marks,
      nat: action === 'nat' ? pool : undefined,
      rdr: action === 'rdr' ? pool : undefined,
      line: { file: p.cursor.file, line: p.cursor.line },
    },
    lists: { interfaces, protocols, hosts },
  });
}

/** The family of the first address, unless it is bound to an interface. */
function firstFamily(hosts: HostList): Family | undefined {
  return hosts?.[0]?.scope === undefined ? hosts?.[0]?.family : undefined;
}

function buildPool(
  p: Parsing,
  action: 'nat' | 'rdr',
  target: RedirectionNode,
  rule: HostsNode,
  given: Family | undefined,
): { pool: Pool; family: Family | undefined } {
  const { cursor } = p;
  const { hosts, family } = fittingHosts(p, target.hosts, given ?? firstFamily(target.hosts));
  const { options } = target;
  const several = hosts.length > 1 || needsRoundRobin(hosts[0]!);
  const type = options.type ?? (several ? 'round-robin' : undefined);
  checkSinglePool(p, hosts, type, 'redirection');
  if (hosts.length > 1 && type !== 'round-robin') {
    cursor.fail('only round-robin valid for multiple redirection addresses');
  }
  const ports = action === 'nat' ? natPorts(p, target) : rdrPorts(target, rule);
  checkNatOptions(p, action, target, ports);
  const pool: Pool = {
    entries: hosts.map((host) => ({ address: poolAddress(host, family) })),
    type,
    key: type === 'source-hash' ? options.key : undefined,
    stickyAddress: options.stickyAddress ?? false,
    staticPort: options.staticPort ?? false,
    endpointIndependent: options.endpointIndependent,
    portSet: options.portSet,
    ports,
  };
  return { pool, family };
}

/** Options about source ports, which are a matter of nat. */
function checkNatOptions(
  p: Parsing,
  action: 'nat' | 'rdr',
  { options }: RedirectionNode,
  ports: Pool['ports'],
): void {
  const given = [
    options.staticPort && 'static-port',
    options.portSet && 'map-e-portset',
    options.endpointIndependent && 'endpoint-independent',
  ];
  const stray = action === 'nat' ? undefined : given.find(Boolean);
  if (stray) p.cursor.fail(`the '${stray}' option is only valid with nat rules`);
  if (options.portSet === undefined) return;
  if (options.staticPort) p.cursor.fail("the 'map-e-portset' option can't be used 'static-port'");
  if (ports !== undefined) {
    p.cursor.fail("the 'map-e-portset' option can't be used when specifying a port range");
  }
}

/** Addresses of the pool that suit the family; they decide it where it is open. */
function fittingHosts(
  p: Parsing,
  all: readonly HostNode[],
  given: Family | undefined,
): { hosts: readonly HostNode[]; family: Family | undefined } {
  let family = given;
  const hosts = all.filter((host) => {
    if (family !== undefined && host.family !== undefined && host.family !== family) return false;
    family ??= host.family;
    return true;
  });
  if (hosts.length === 0) {
    p.cursor.fail('no translation address with matching address family found.');
  }
  checkMask(p, hosts[0]!);
  return { hosts, family };
}

/** An IPv4 address cannot have more than 32 bits of mask. */
function checkMask(p: Parsing, host: HostNode): void {
  const { address } = host;
  if (address.kind !== 'prefix' || address.prefix.family !== 4 || address.prefix.length <= 32) return;
  p.diagnostics.note(`netmask ${address.prefix.length} invalid for IPv4 address`);
  p.diagnostics.errors++;
  p.cursor.abandon();
}

function poolAddress(host: HostNode, family: Family | undefined): RuleAddress {
  const { address } = host;
  if (address.kind !== 'dynamic' || address.length === undefined) return address;
  return address.length >= (family === 4 ? 32 : 128) ? { ...address, length: undefined } : address;
}

function natPorts(p: Parsing, target: RedirectionNode): Pool['ports'] {
  const { port } = target;
  const open = port === undefined || (port.low === 0 && port.high === undefined);
  if (open) return undefined;
  const ports = { low: port.low, high: port.high ?? port.low };
  if (target.options.staticPort && ports.low !== NAT_PORT_LOW && ports.high !== NAT_PORT_HIGH) {
    p.cursor.fail("the 'static-port' option can't be used when specifying a port range");
  }
  return ports;
}

function rdrPorts(target: RedirectionNode, rule: HostsNode): Pool['ports'] {
  const { port } = target;
  if (port === undefined) return undefined;
  const high = port.star ? starEnd(port.low, rule.destinationPorts?.[0]) : (port.high ?? port.low);
  return { low: port.low, high };
}

/** One binat rule; `no` and the action have been taken. */
export function parseBinatRule(p: Parsing, no: boolean): void {
  const { cursor } = p;
  const { pass, log } = parsePassLogLate(p);
  const interfaces = parseInterfaces(p);
  const given = parseFamily(p);
  const protocols = parseProtocols(p);
  cursor.require('from');
  const source = parseBinatSource(p);
  const destination = cursor.accept('to') ? parseHostList(p) : undefined;
  const marks = parseMarks(p);
  const target = cursor.acceptOperator('->') ? parseBinatTarget(p) : undefined;
  endStatement(p);
  checkOrder(p, 'translation');
  if (destination?.some((host) => host.address.kind === 'urpf-failed')) {
    cursor.fail('"urpf-failed" is not permitted as a binat destination');
  }
  if (no && pass) cursor.fail('"pass" not valid with "no"');
  const family =
    given ?? source[0]!.family ?? destination?.[0]?.family ?? target?.[0]?.family ?? undefinedFamily(p);
  checkTags(p, marks.tag, marks.tagged?.name);
  checkBinatEnd(p, source, 'source');
  if (target !== undefined) checkBinatEnd(p, target, 'redirect');
  checkBinatFamilies(p, source, destination, family);
  const pool = buildBinatPool(p, no, source[0]!, target, family);
  const draft: RuleDraft = {
    list: 'binat',
    action: 'binat',
    no: no || undefined,
    pass,
    log,
    quick: false,
    interface: interfaces?.[0] && { name: interfaces[0].name, negated: interfaces[0].negated },
    family,
    protocol: protocols?.[0],
    source: { address: poolAddress(source[0]!, family), negated: false },
    destination: binatDestination(destination, family),
    ...marks,
    nat: pool,
    line: { file: cursor.file, line: cursor.line },
  };
  p.config.add(draft);
}

function parsePassLogLate(p: Parsing): { pass?: boolean; log?: RuleLog } {
  const pass = p.cursor.accept('pass') || undefined;
  return { pass, log: parseLog(p) };
}

/** One address; where the dialect allows it, `any`. */
function parseBinatSource(p: Parsing): HostNode[] {
  const any = p.traits.binatFromAny && p.cursor.accept('any');
  return any ? [{ address: { kind: 'any' }, negated: false }] : parseHost(p);
}

/** `-> HOST [port P]`: the port is read and means nothing. */
function parseBinatTarget(p: Parsing): HostNode[] {
  const hosts = parseHost(p);
  if (p.cursor.accept('port')) p.cursor.take();
  return hosts;
}

function undefinedFamily(p: Parsing): never {
  return p.cursor.fail('address family (inet/inet6) undefined');
}

function checkBinatEnd(p: Parsing, hosts: readonly HostNode[], what: 'source' | 'redirect'): void {
  for (const { address } of hosts) {
    if (address.kind === 'table') {
      p.cursor.fail(`invalid use of table <${address.name}> as the ${what} address of a binat rule`);
    }
    if (address.kind === 'dynamic' && standsForSeveral(address)) {
      p.cursor.fail(`invalid use of interface (${address.interface}) as the ${what} address of a binat rule`);
    }
  }
}

function checkBinatFamilies(
  p: Parsing,
  source: readonly HostNode[],
  destination: HostList,
  family: Family,
): void {
  const { cursor } = p;
  if (source.length > 1) cursor.fail('multiple binat ip addresses');
  const { kind } = source[0]!.address;
  const sourceFamily = kind === 'dynamic' || kind === 'any' ? family : source[0]!.family;
  if (sourceFamily !== family) cursor.fail('binat ip versions must match');
  checkMask(p, source[0]!);
  if (destination === undefined) return;
  if (destination.length > 1) cursor.fail('multiple binat ip addresses');
  const other = destination[0]!.family;
  if (other !== undefined && other !== family) cursor.fail('binat ip versions must match');
  checkMask(p, destination[0]!);
}

function buildBinatPool(
  p: Parsing,
  no: boolean,
  source: HostNode,
  target: readonly HostNode[] | undefined,
  family: Family,
): Pool | undefined {
  const { cursor } = p;
  if (no) {
    if (target !== undefined) cursor.fail("'no binat' rule does not need '->'");
    return undefined;
  }
  if (target === undefined) return cursor.fail("'binat' rule requires '-> address'");
  const { hosts } = fittingHosts(p, target, family);
  if (hosts.length > 1) cursor.fail('binat rule must redirect to a single address');
  const sourceLength = maskLength(source, family);
  if (sourceLength !== 0 && sourceLength !== maskLength(hosts[0]!, family)) {
    cursor.fail("'binat' source mask and redirect mask must be the same");
  }
  return {
    entries: [{ address: poolAddress(hosts[0]!, family) }],
    stickyAddress: false,
    staticPort: false,
  };
}

function maskLength(host: HostNode, family: Family): number {
  const full = family === 4 ? 32 : 128;
  const { address } = host;
  if (address.kind === 'prefix') return address.prefix.length;
  if (address.kind === 'any') return 0;
  return address.kind === 'dynamic' ? Math.min(address.length ?? full, full) : full;
}

function binatDestination(hosts: HostList, family: Family): Rule['destination'] {
  if (hosts === undefined) return { address: { kind: 'any' }, negated: false };
  return { address: poolAddress(hosts[0]!, family), negated: hosts[0]!.negated };
}
