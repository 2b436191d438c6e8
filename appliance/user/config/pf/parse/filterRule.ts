// SPDX-License-Identifier: ISC
//
// pass, block and match rules (pf.conf(5), "PACKET FILTERING"): parsed, completed with what is implied, expanded.

import { type Family, INET, INET6 } from '../../../../abi/address.ts';
import { icmpCodeByName } from '../../../../abi/names.ts';
import type { BlockReturn, Pool, PoolType, Rule } from '../../../../abi/rule.ts';
import { commonFamily, decideFamily, expandRule } from '../build/expand.ts';
import { buildStateOptions } from '../build/state.ts';
import { standsForSeveral } from '../build/targets.ts';
import type { RuleTemplate } from '../build/template.ts';
import { parseUnsigned } from '../cursor.ts';
import type { Parsing } from '../parsing.ts';
import type { FilterOptions, HostNode, RouteNode, RuleHead } from '../syntax.ts';
import { parseDirection, parseFamily, parseInterfaces, parseLogQuick, parseProtocols } from './criteria.ts';
import { buildDivert } from './divert.ts';
import { parseFilterOptions } from './filterOptions.ts';
import { parseHosts } from './hosts.ts';
import { parseClassicRoute } from './pools.ts';

const TCP = 6;
const MAX_NAME = 63;
/** S/SA. */
const SYN = { set: 0x02, mask: 0x12 };

const ICMP_UNREACH = 3;
const ICMP6_UNREACH = 1;
const RETURN_ICMP = (ICMP_UNREACH << 8) | 3;
const RETURN_ICMP6 = (ICMP6_UNREACH << 8) | 4;

/** One rule; its first word (`pass`, `block`, `match`) has been taken. */
export function parseFilterRule(p: Parsing, action: 'pass' | 'block' | 'match'): void {
  const blockReturn = action === 'block' ? parseBlockReturn(p) : undefined;
  const { head, route } = parseHead(p);
  const options = parseFilterOptions(p);
  endStatement(p);
  if (p.traits.classicRules) checkOrder(p, 'filter');
  buildFilterRule(p, { action, blockReturn }, head, options, route);
}

function parseHead(p: Parsing): { head: RuleHead; route?: RouteNode } {
  const direction = parseDirection(p);
  const { log, quick } = parseLogQuick(p);
  const interfaces = parseInterfaces(p);
  const route = p.traits.classicRules ? parseClassicRoute(p) : undefined;
  const family = parseFamily(p);
  const protocols = parseProtocols(p);
  const hosts = parseHosts(p);
  return { head: { direction, log, quick, interfaces, family, protocols, hosts }, route };
}

/** The statement must be over: a newline, or a brace that ends the body it stands in. */
export function endStatement(p: Parsing): void {
  if (p.cursor.atNewline() || p.cursor.atEnd()) return;
  p.cursor.syntaxError();
}

export function checkOrder(p: Parsing, statement: Parameters<Parsing['config']['inOrder']>[0]): void {
  if (p.config.inOrder(statement)) return;
  p.cursor.fail('Rules must be in order: options, normalization, queueing, translation, filtering');
}

function parseBlockReturn(p: Parsing): BlockReturn {
  const { cursor } = p;
  if (cursor.accept('drop')) return { kind: 'drop' };
  if (cursor.accept('return')) return { kind: 'return', icmp: RETURN_ICMP, icmp6: RETURN_ICMP6 };
  if (cursor.accept('return-rst')) return parseReturnRst(p);
  if (cursor.accept('return-icmp')) return parseReturnIcmp(p);
  if (cursor.accept('return-icmp6')) {
    const icmp6 = cursor.acceptOperator('(') ? closed(p, parseReturnCode(p, INET6)) : RETURN_ICMP6;
    return { kind: 'icmp', icmp: RETURN_ICMP, icmp6 };
  }
  if (p.config.blockPolicy === 'drop') return { kind: 'drop' };
  return { kind: 'return', icmp: RETURN_ICMP, icmp6: RETURN_ICMP6 };
}

function parseReturnRst(p: Parsing): BlockReturn {
  const { cursor } = p;
  if (!cursor.acceptOperator('(')) return { kind: 'rst' };
  cursor.require('ttl');
  const ttl = closed(p, cursor.number());
  if (ttl < 0 || ttl > 255) cursor.fail(`illegal ttl value ${ttl}`);
  return { kind: 'rst', ttl: ttl || undefined };
}

function parseReturnIcmp(p: Parsing): BlockReturn {
  const { cursor } = p;
  if (!cursor.acceptOperator('(')) return { kind: 'icmp', icmp: RETURN_ICMP, icmp6: RETURN_ICMP6 };
  const icmp = parseReturnCode(p, INET);
  cursor.acceptOperator(',');
  const icmp6 = cursor.atOperator(')') ? RETURN_ICMP6 : parseReturnCode(p, INET6);
  return closed(p, { kind: 'icmp', icmp, icmp6 });
}

function closed<T>(p: Parsing, value: T): T {
  p.cursor.requireOperator(')');
  return value;
}

/** An ICMP code of destination unreachable, as `type << 8 | code`. */
function parseReturnCode(p: Parsing, family: Family): number {
  const { cursor } = p;
  const type = family === INET ? ICMP_UNREACH : ICMP6_UNREACH;
  const text = cursor.atNumber() ? cursor.take().text : cursor.string('code');
  const code = parseUnsigned(text) ?? icmpCodeByName(text, type, family);
  if (code === undefined) return cursor.fail(`unknown icmp code ${text}`);
  if (code > 255) cursor.fail(`invalid icmp code ${code}`);
  return (type << 8) | code;
}

interface FilterAction {
  readonly action: 'pass' | 'block' | 'match';
  readonly blockReturn?: BlockReturn;
}

function buildFilterRule(
  p: Parsing,
  action: FilterAction,
  head: RuleHead,
  options: FilterOptions,
  route: RouteNode | undefined,
): void {
  checkOnce(p, action.action, options);
  if (options.afTo !== undefined && options.route !== undefined) {
    p.cursor.fail('af-to cannot be used together with route-to, reply-to, dup-to');
  }
  checkOptions(p, options);
  checkTcpOptions(p, head, options, 'OS fingerprinting only apply to tcp');
  const state = buildState(p, action.action, options);
  const flags = impliedFlags(action.action, options, state);
  let family = decideFamily(head.family, head.hosts);
  // What is routed has been translated; answers are not.
  const routedFamily = route?.kind === 'reply-to' ? family : (options.afTo ?? family);
  const routed = route && buildClassicRoute(p, route, head, routedFamily);
  if (options.afTo === undefined) family ??= routed?.family;
  if (options.route !== undefined && options.route.kind !== 'dup-to') requireDirection(p, head);
  const divert = options.divert && buildDivert(p, options.divert, head, family);
  if (options.divert?.kind === 'to' && !p.traits.classicRules) family ??= divert?.family;
  const template: RuleTemplate = {
    list: 'filter',
    ...action,
    ...sharedTemplate(p, head, options),
    family,
    state,
    flags,
    route: routed?.route,
    divert: divert?.divert,
  };
  expandRule(p, {
    template,
    lists: listsOf(head, options),
    targets: hasTargets(options) ? options : undefined,
  });
}

function hasTargets(options: FilterOptions): boolean {
  return options.nat !== undefined || options.rdr !== undefined || options.route !== undefined;
}

/** The lists that head and options of a rule hold. */
export function listsOf(head: RuleHead, options: FilterOptions) {
  return {
    interfaces: head.interfaces,
    protocols: head.protocols,
    icmp: options.icmp,
    hosts: head.hosts,
    users: options.users,
    groups: options.groups,
  };
}

/** What pass, block, match and anchor calls have in common. */
export function sharedTemplate(p: Parsing, head: RuleHead, options: FilterOptions) {
  return {
    direction: head.direction,
    quick: head.quick,
    log: head.log,
    tos: options.tos,
    prio: options.prio,
    fragment: options.fragment,
    allowOptions: options.allowOptions,
    label: options.label,
    moreLabels: options.moreLabels,
    ridentifier: options.ridentifier,
    dummynet: options.dummynet,
    tag: options.tag,
    tagged: options.tagged,
    probability: options.probability,
    rtable: options.rtable,
    once: options.once,
    maxPacketRate: options.maxPacketRate,
    maxPacketSize: options.maxPacketSize,
    limiters: options.limiters,
    receivedOn: options.receivedOn,
    scrub: options.scrub,
    set: Object.keys(options.set).length > 0 ? options.set : undefined,
    line: { file: p.cursor.file, line: p.cursor.line },
  };
}

function checkOnce(p: Parsing, action: string, options: FilterOptions): void {
  if (options.once && action === 'match') p.cursor.fail("'once' only applies to pass/block rules");
}

/** Lengths of names, and flags that can never match. */
export function checkOptions(p: Parsing, options: FilterOptions): void {
  const { cursor } = p;
  checkTags(p, options.tag, options.tagged?.name);
  for (const label of [options.label ?? '', ...(options.moreLabels ?? [])]) {
    if (label.length > MAX_NAME) cursor.fail(`rule label too long (max ${MAX_NAME} chars)`);
  }
  const { flags } = options;
  if (flags && (flags.set & flags.mask) !== flags.set) cursor.fail('flags always false');
  const [queue, priority] = options.set.queue ?? [];
  if ((queue?.length ?? 0) > MAX_NAME) cursor.fail(`rule qname too long (max ${MAX_NAME} chars)`);
  if ((priority?.length ?? 0) > MAX_NAME) cursor.fail(`rule pqname too long (max ${MAX_NAME} chars)`);
}

export function checkTags(p: Parsing, ...names: readonly (string | undefined)[]): void {
  for (const name of names) {
    if ((name?.length ?? 0) > MAX_NAME) p.cursor.fail(`tag too long, max ${MAX_NAME} chars`);
  }
}

/** Flags and fingerprints need tcp among the protocols. */
export function checkTcpOptions(p: Parsing, head: RuleHead, options: FilterOptions, osText: string): void {
  const { protocols } = head;
  if (protocols === undefined || protocols.includes(TCP)) return;
  const flags = options.flags !== undefined && options.flags !== null;
  const os = head.hosts.os !== undefined;
  if (flags) p.cursor.error('flags only apply to tcp');
  if (os) p.cursor.error(osText);
  if (flags || os) p.cursor.abandon();
}

function buildState(p: Parsing, action: string, options: FilterOptions): Rule['state'] {
  const { config } = p;
  const { state } = options;
  if (state === undefined && action === 'pass') {
    const nodes = config.stateDefaults ?? [];
    return { keep: 'keep', options: buildStateOptions(p, nodes, config) };
  }
  if (state?.keep === undefined) return undefined;
  return { keep: state.keep, options: buildStateOptions(p, state.options, config) };
}

/** `flags S/SA` on stateful pass rules that say nothing about flags. */
function impliedFlags(action: string, options: FilterOptions, state: Rule['state']): Rule['flags'] {
  if (options.flags !== undefined) return options.flags ?? undefined;
  const implied = action === 'pass' && state !== undefined && !options.fragment;
  return implied ? SYN : undefined;
}

function requireDirection(p: Parsing, head: RuleHead): void {
  if (head.direction !== undefined) return;
  p.cursor.fail('direction must be explicit with rules that specify routing');
}

/** The pool of a 2008 route, with the family that its addresses decide. */
function buildClassicRoute(
  p: Parsing,
  node: RouteNode,
  head: RuleHead,
  family: Family | undefined,
): { route: Rule['route']; family: Family | undefined } {
  const { cursor } = p;
  requireDirection(p, head);
  if (node.kind === 'fastroute') return { route: { kind: 'fastroute' }, family };
  const { preferIpv6 } = node.options;
  const ofHosts = commonFamily(node.hosts) ?? node.hosts.find((host) => host.family)?.family;
  const decided = family ?? (preferIpv6 ? undefined : ofHosts);
  const fits = (host: HostNode) =>
    !host.family || !decided || host.family === decided || (preferIpv6 && host.family === INET6);
  const hosts = node.hosts.filter(fits);
  if (hosts.length === 0) cursor.fail('no routing address with matching address family found.');
  const { type: given, key, stickyAddress } = node.options;
  const several = hosts.length > 1 || needsRoundRobin(hosts[0]!);
  const type = given ?? (several ? 'round-robin' : undefined);
  checkSinglePool(p, hosts, type, 'routing');
  if (hosts.length > 1 && type !== 'round-robin') cursor.fail('r.rpool.opts must be PF_POOL_ROUNDROBIN');
  const pool: Pool = {
    entries: hosts.map(({ address, egress }) => ({ address, interface: egress })),
    type,
    key: type === 'source-hash' ? key : undefined,
    stickyAddress: stickyAddress ?? false,
    staticPort: false,
    preferIpv6,
  };
  return { route: { kind: node.kind, pool }, family: decided };
}

/** A table or a dynamic interface stands for several addresses. */
export function needsRoundRobin(host: HostNode): boolean {
  return host.address.kind === 'table' || standsForSeveral(host.address);
}

/** Tables and dynamic interfaces need a pool that can choose from them. */
export function checkSinglePool(
  p: Parsing,
  hosts: readonly HostNode[],
  type: PoolType | undefined,
  what: 'routing' | 'redirection',
): void {
  if (type !== undefined && p.traits.manyAddressPools.has(type)) return;
  const { manyAddressText } = p.traits;
  if (hosts.some((host) => host.address.kind === 'table')) p.cursor.fail(manyAddressText('tables are', what));
  const dynamic = hosts.find((host) => standsForSeveral(host.address))?.address;
  if (dynamic?.kind === 'dynamic')
    p.cursor.fail(manyAddressText(`interface (${dynamic.interface}) is`, what));
}
