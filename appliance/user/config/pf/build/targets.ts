// SPDX-License-Identifier: ISC
//
// nat-to, rdr-to, binat-to, af-to, route-to and kin of today's rules: for each combination the addresses of the right
// family, as one address or as a table (pf.conf(5), "TRANSLATION", "ROUTING").

import { addressBits, type Family, INET, INET6 } from '../../../../abi/address.ts';
import { NAT_PORT_HIGH, NAT_PORT_LOW } from '../../../../abi/names.ts';
import type { TableEntry } from '../../../../abi/pf.ts';
import type { NumberMatch, Pool, RuleAddress } from '../../../../abi/rule.ts';
import type { Parsing } from '../parsing.ts';
import { printTableEntries } from '../printTable.ts';
import type { HostNode, RedirectionNode } from '../syntax.ts';
import type { RuleDraft, StatementTemplate, Targets } from './template.ts';

/** The targets of one combination. */
export interface Translation {
  readonly errors: number;
  /** Puts the pools in place when the combination is known; answers the number of errors. */
  finish(destinationPort: NumberMatch | undefined): number;
  /** binat-to: the inbound rule that goes with this outbound one. */
  inbound(outbound: RuleDraft): StatementTemplate | undefined;
}

/** Chooses the addresses that suit the draft; may decide the draft's family. */
export function translate(p: Parsing, targets: Targets, draft: RuleDraft): Translation {
  const choice = new Chooser(p, targets, draft);
  const rdr = targets.rdr && choice.choose(targets.rdr, false);
  const nat = targets.nat && choice.choose(targets.nat, false);
  const route = targets.route && choice.choose(targets.route.target, true);
  return {
    errors: choice.errors,
    finish(destinationPort) {
      const finisher = new Finisher(p, draft, destinationPort);
      if (targets.binat && nat !== undefined) finisher.checkBinat(nat);
      if (nat !== undefined) draft.nat = finisher.pool(targets.nat!, nat, 'nat');
      if (rdr !== undefined) draft.rdr = finisher.pool(targets.rdr!, rdr, 'rdr');
      if (route !== undefined) {
        draft.route = {
          kind: targets.route!.kind,
          pool: finisher.pool(targets.route!.target, route, 'route'),
        };
      }
      return finisher.errors;
    },
    inbound(outbound) {
      return targets.binat && nat !== undefined ? inboundHalf(outbound, nat, targets.nat!) : undefined;
    },
  };
}

/** A chosen address, or the table that several became. */
interface Chosen {
  readonly address: RuleAddress;
  readonly weight?: number;
  /** All addresses, where they stay a list. */
  readonly list?: readonly HostNode[];
}

class Chooser {
  errors = 0;
  private readonly p: Parsing;
  private readonly targets: Targets;
  private readonly draft: RuleDraft;

  constructor(p: Parsing, targets: Targets, draft: RuleDraft) {
    this.p = p;
    this.targets = targets;
    this.draft = draft;
    if (targets.afTo !== undefined) draft.afTo = targets.afTo;
  }

  choose(target: RedirectionNode, routing: boolean): Chosen | undefined {
    const fit = this.fitting(target, routing);
    if (fit === undefined) return undefined;
    if (fit.length === 0) return this.fail(`af mismatch in ${kindOf(routing)} spec`);
    const [first] = fit;
    if (fit.length === 1) return { address: first!.address, weight: first!.weight };
    if (this.p.traits.targetLists) return { address: first!.address, list: fit };
    if (target.options.type === 'bitmask') {
      return this.fail('pool type is not valid for multiple translation or routing addresses');
    }
    if (fit.some((host) => host.address.kind !== 'prefix')) {
      return this.fail('multiple tables or dynamic interfaces not supported for translation or routing');
    }
    return { address: { kind: 'table', name: this.table(fit) } };
  }

  /** Several addresses are kept in a table of their own. */
  private table(hosts: readonly HostNode[]): string {
    const { config } = this.p;
    const entries = hosts.map(tableEntry);
    const name = config.automaticTable(entries);
    config.echo.push(printTableEntries(name, entries));
    return name;
  }

  /** The hosts of the draft's family, which they may decide; undefined after an error. */
  private fitting(target: RedirectionNode, routing: boolean): HostNode[] | undefined {
    const { draft, targets } = this;
    const afTo = routing ? undefined : targets.afTo;
    let decided = afTo !== undefined && draft.family === undefined ? otherFamily(afTo) : undefined;
    const fit: HostNode[] = [];
    for (const host of target.hosts) {
      const problem = this.problem(host, afTo, decided, routing);
      if (problem !== undefined) return this.fail(problem);
      if (host.family !== undefined && afTo === undefined && (draft.family ?? host.family) !== host.family)
        continue;
      if (draft.family === undefined) decided ??= host.family;
      fit.push(host);
    }
    draft.family ??= decided;
    return fit;
  }

  private problem(
    host: HostNode,
    afTo: Family | undefined,
    decided: Family | undefined,
    routing: boolean,
  ): string | undefined {
    const kind = kindOf(routing);
    const { address, family } = host;
    const peerOnly =
      address.kind === 'dynamic' &&
      address.peer &&
      !(address.network || address.broadcast || address.noAlias);
    if (routing && address.kind === 'dynamic' && !peerOnly) {
      return 'route spec requires :peer with dynamic interface addresses';
    }
    if (host.egress !== undefined) return `@if not permitted for ${kind}`;
    if (family === undefined) return undefined;
    if (afTo !== undefined) {
      return family === afTo
        ? undefined
        : `${kind} spec contains addresses that don't match target address family`;
    }
    const mixed = this.draft.family === undefined && decided !== undefined && decided !== family;
    return mixed ? `${kind} spec contains addresses with different address families` : undefined;
  }

  private fail(text: string): undefined {
    this.p.cursor.error(text);
    this.errors++;
    return undefined;
  }
}

function kindOf(routing: boolean): string {
  return routing ? 'routing' : 'translation';
}

function otherFamily(family: Family): Family {
  return family === INET6 ? INET : INET6;
}

function tableEntry(host: HostNode): TableEntry {
  if (host.address.kind !== 'prefix') throw new Error('only addresses go into a table');
  return { prefix: host.address.prefix, negated: false, weight: host.weight };
}

class Finisher {
  errors = 0;
  private readonly p: Parsing;
  private readonly draft: RuleDraft;
  private readonly destinationPort: NumberMatch | undefined;

  constructor(p: Parsing, draft: RuleDraft, destinationPort: NumberMatch | undefined) {
    this.p = p;
    this.draft = draft;
    this.destinationPort = destinationPort;
  }

  pool(target: RedirectionNode, chosen: Chosen, kind: 'nat' | 'rdr' | 'route'): Pool {
    const { options } = target;
    const { address, list } = chosen;
    // FreeBSD's af-to takes the first address of an interface.
    const first = this.p.traits.targetLists && this.draft.afTo !== undefined && address.kind === 'dynamic';
    const several = list !== undefined || address.kind === 'table' || (standsForSeveral(address) && !first);
    const type = options.type ?? (several ? 'round-robin' : undefined);
    if ((type === undefined && !first) || type === 'bitmask') this.checkStaticPool(target);
    if (list !== undefined && type !== 'round-robin') {
      this.fail('only round-robin valid for multiple redirection addresses');
    }
    const ports = kind === 'nat' ? this.natPorts(target) : kind === 'rdr' ? this.rdrPorts(target) : undefined;
    if (options.staticPort && kind !== 'nat') {
      this.fail("the 'static-port' option is only valid with nat rules");
    }
    if (options.portSet !== undefined && kind !== 'nat') {
      this.fail("the 'map-e-portset' option is only valid with nat rules");
    }
    const family = this.draft.afTo ?? this.draft.family;
    return {
      entries: list?.map((host) => ({ address: narrow(host.address, family) })) ?? [
        { address: narrow(address, family), weight: chosen.weight },
      ],
      type,
      key: type === 'source-hash' ? options.key : undefined,
      stickyAddress: options.stickyAddress ?? false,
      staticPort: options.staticPort ?? false,
      endpointIndependent: options.endpointIndependent,
      portSet: options.portSet,
      ports,
    };
  }

  private checkStaticPool(target: RedirectionNode): void {
    for (const { address } of target.hosts) {
      if (address.kind === 'table') {
        this.fail('tables are not supported by pool type');
        return;
      }
      if (address.kind === 'dynamic' && standsForSeveral(address)) {
        this.fail(`interface (${address.interface}) is not supported by pool type`);
        return;
      }
    }
  }

  private natPorts(target: RedirectionNode): Pool['ports'] {
    const { port } = target;
    if (port === undefined || (port.low === 0 && port.high === undefined)) return undefined;
    const ports = { low: port.low, high: port.high ?? port.low };
    const unlikeDefault = ports.low !== NAT_PORT_LOW && ports.high !== NAT_PORT_HIGH;
    if (target.options.staticPort && unlikeDefault) {
      this.fail("the 'static-port' option can't be used when specifying a port range");
    }
    return ports;
  }

  private rdrPorts(target: RedirectionNode): Pool['ports'] {
    const { port } = target;
    if (port === undefined) return undefined;
    const high = port.star ? starEnd(port.low, this.destinationPort) : (port.high ?? port.low);
    if (high < port.low) this.fail('invalid rdr-to port range');
    return { low: port.low, high };
  }

  checkBinat(chosen: Chosen): void {
    const { source, direction } = this.draft;
    const kind = source.address.kind;
    if (kind === 'table') {
      this.fail(`invalid use of table <${source.address.name}> as the source address of a binat-to rule`);
    } else if (source.address.kind === 'dynamic' && standsForSeveral(source.address)) {
      const name = source.address.interface;
      this.fail(`invalid use of interface (${name}) as the source address of a binat-to rule`);
    } else if (!hasAddress(source.address) || !hasAddress(chosen.address)) {
      this.fail('binat-to requires a specified source and redirect address');
    }
    if (standsForSeveral(source.address) || standsForSeveral(chosen.address)) {
      this.fail('dynamic interfaces must be used with :0 in a binat-to rule');
    }
    if (isAll(source.address) || isAll(chosen.address)) {
      this.fail('source and redir addresess must have a matching network mask in binat-rule');
    }
    if (chosen.address.kind === 'table') {
      this.fail('tables cannot be used as the redirect address of a binat-to rule');
    }
    if (direction !== undefined) this.fail('binat-to cannot be specified with a direction');
    this.draft.direction = 'out';
  }

  private fail(text: string): void {
    this.p.cursor.error(text);
    this.errors++;
  }
}

function hasAddress(address: RuleAddress): boolean {
  return address.kind === 'prefix' || address.kind === 'any' || address.kind === 'dynamic';
}

function isAll(address: RuleAddress): boolean {
  return address.kind === 'any' || (address.kind === 'prefix' && address.prefix.length === 0);
}

/** `(if)` without `:0`, or with a group: more than one address may be meant. */
export function standsForSeveral(address: RuleAddress): boolean {
  return address.kind === 'dynamic' && (!address.noAlias || !/\d$/.test(address.interface));
}

/** The end of `P:*`: as many ports as the rule's own destination range has. */
export function starEnd(low: number, destination: NumberMatch | undefined): number {
  if (destination === undefined) return low;
  const high = destination.operator === '=' ? destination.low : destination.high;
  return low + (high - destination.low);
}

function narrow(address: RuleAddress, family: Family | undefined): RuleAddress {
  if (address.kind !== 'dynamic' || address.length === undefined) return address;
  return address.length >= addressBits(family ?? INET6) ? { ...address, length: undefined } : address;
}

/** The inbound half of binat-to: the ends change places and the target is where the source was. */
function inboundHalf(outbound: RuleDraft, chosen: Chosen, target: RedirectionNode): StatementTemplate {
  const { source, destination, nat: _nat, rdr: _rdr, ...rest } = outbound;
  const { family, protocol, icmp } = outbound;
  const back = { address: source.address, family, negated: false };
  return {
    template: { ...rest, direction: 'in' },
    lists: {
      interfaces: interfaceList(outbound),
      protocols: protocol === undefined ? undefined : [protocol],
      icmp: icmp === undefined ? undefined : [{ ...icmp, protocol: protocol! }],
      hosts: {
        source: [{ address: destination.address, family, negated: destination.negated }],
        sourcePorts: destination.port && [destination.port],
        os: outbound.os === undefined ? undefined : [outbound.os],
        destination: [{ address: chosen.address, family, negated: false }],
        destinationPorts: source.port && [source.port],
      },
      users: outbound.user && [outbound.user],
      groups: outbound.group && [outbound.group],
    },
    targets: {
      rdr: { hosts: [back], port: target.port, options: { ...target.options, staticPort: undefined } },
    },
  };
}

function interfaceList(rule: RuleDraft) {
  if (rule.interface === undefined) return undefined;
  return [{ ...rule.interface, loopback: false }];
}
