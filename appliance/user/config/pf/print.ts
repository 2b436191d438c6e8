// SPDX-License-Identifier: ISC
//
// A rule as pfctl(8) of its dialect prints it. The dialect table says which clauses come in which order; each clause is
// one function here.

import { type Family, INET, INET6, isUnspecified } from '../../../abi/address.ts';
import { formatAddress } from '../../../abi/addressText.ts';
import { icmpCodeName, icmpTypeName } from '../../../abi/names.ts';
import type { Dialect, Limiter, Rule, RuleHost } from '../../../abi/rule.ts';
import type { ClauseName } from './clauses.ts';
import { type Traits, traitsOf } from './dialect.ts';
import { bareFacts, type Facts } from './facts.ts';
import { type AddressCounts, familyWord, formatOwner, formatPfHost, formatPort } from './printAddress.ts';
import { poolEntries, poolText, poolWords } from './printPool.ts';
import { stateWords } from './printState.ts';

export interface PrintOptions {
  /** Names of protocols and services; those of a bare machine unless given. */
  readonly facts?: Facts;
  /** Printed as `@N` in front (`-vv`). */
  readonly number?: number;
  /** Sizes of tables and interfaces, printed inside their brackets (`-vv`). */
  readonly counts?: AddressCounts;
  /** Whether ports are printed by name; the dialect's habit unless given (`-P`). */
  readonly serviceNames?: boolean;
  /** What an anchor call prints as its name; the call's own path unless given. */
  readonly anchorName?: string;
}

const TCP = 6;
const FLAG_LETTERS = 'FSRPAUEW';
const DEFAULT_FACTS = bareFacts();

/** One rule without a newline. */
export function printRule(rule: Rule, dialect: Dialect, options: PrintOptions = {}): string {
  const printer = new RulePrinter(rule, traitsOf(dialect), options);
  const number = options.number === undefined ? '' : `@${options.number} `;
  return number + printer.print();
}

class RulePrinter {
  private readonly rule: Rule;
  private readonly traits: Traits;
  private readonly options: PrintOptions;
  private readonly facts: Facts;

  constructor(rule: Rule, traits: Traits, options: PrintOptions) {
    this.rule = rule;
    this.traits = traits;
    this.options = options;
    this.facts = options.facts ?? DEFAULT_FACTS;
  }

  print(): string {
    let text = '';
    for (const clause of this.traits.clauses) text += this.clauses[clause]();
    return text;
  }

  private readonly clauses: Readonly<Record<ClauseName, () => string>> = {
    action: () => this.action(),
    blockReturn: () => this.blockReturn(),
    direction: () => (this.rule.direction === undefined ? '' : ` ${this.rule.direction}`),
    log: () => this.log(),
    quick: () => (this.rule.quick ? ' quick' : ''),
    interface: () => this.interface(),
    route: () => this.route(),
    family: () => (this.rule.family === undefined ? '' : ` ${familyWord(this.rule.family)}`),
    protocol: () => this.protocol(),
    hosts: () => this.hosts(),
    receivedOn: () => this.receivedOn(),
    user: () => (this.rule.user === undefined ? '' : formatOwner('user', this.rule.user)),
    group: () => (this.rule.group === undefined ? '' : formatOwner('group', this.rule.group)),
    flags: () => this.flags(),
    icmp: () => this.icmp(),
    tos: () => (this.rule.tos ? ` tos ${hexByte(this.rule.tos)}` : ''),
    prio: () => (this.rule.prio === undefined ? '' : ` prio ${this.rule.prio}`),
    maxPacketRate: () => this.maxPacketRate(),
    maxPacketSize: () =>
      this.rule.maxPacketSize === undefined ? '' : ` max-pkt-size ${this.rule.maxPacketSize}`,
    set: () => this.set(),
    state: () => this.state(),
    probability: () => this.probability(),
    stateOptions: () => this.stateOptions(),
    limiters: () => (this.rule.limiters ?? []).map(limiterText).join(''),
    fragment: () => (this.rule.fragment ? ' fragment' : ''),
    scrub: () =>
      this.rule.list === 'scrub' || !this.traits.todaysRules ? this.classicScrub() : this.scrub(),
    allowOptions: () => (this.rule.allowOptions ? ' allow-opts' : ''),
    label: () =>
      labelsOf(this.rule)
        .map((label) => ` label "${label}"`)
        .join(''),
    ridentifier: () => (this.rule.ridentifier === undefined ? '' : ` ridentifier ${this.rule.ridentifier}`),
    dummynet: () => dummynetText(this.rule.dummynet),
    queue: () => this.queue(),
    once: () => (this.rule.once ? ' once' : ''),
    tag: () => (this.rule.tag === undefined ? '' : ` tag ${this.rule.tag}`),
    tagged: () => this.tagged(),
    rtable: () => (this.rule.rtable === undefined ? '' : ` rtable ${this.rule.rtable}`),
    divert: () => this.divert(),
    translation: () => (this.rule.list === 'filter' ? this.translation() : this.classicTranslation()),
  };

  private action(): string {
    const { rule } = this;
    if (rule.action === 'anchor') return this.anchorCall();
    return `${rule.no ? 'no ' : ''}${rule.action}${rule.pass ? ' pass' : ''}`;
  }

  /** Names that begin with an underscore were made up for an inline body and are not shown. */
  private anchorCall(): string {
    const { rule } = this;
    const word = rule.list === 'filter' || rule.list === 'scrub' ? 'anchor' : `${rule.list}-anchor`;
    const name = this.options.anchorName ?? rule.anchor ?? '';
    return name.startsWith('_') ? word : `${word} "${name}"`;
  }

  private blockReturn(): string {
    const { blockReturn, action } = this.rule;
    if (action !== 'block') return '';
    switch (blockReturn?.kind) {
      case 'return':
        return ' return';
      case 'rst':
        return blockReturn.ttl === undefined ? ' return-rst' : ` return-rst(ttl ${blockReturn.ttl})`;
      case 'icmp':
        return this.returnIcmp(blockReturn.icmp ?? 0, blockReturn.icmp6 ?? 0);
      default:
        return ' drop';
    }
  }

  private returnIcmp(icmp: number, icmp6: number): string {
    const code = icmpCodeName(icmp >> 8, icmp & 255, INET) ?? String(icmp & 255);
    const code6 = icmpCodeName(icmp6 >> 8, icmp6 & 255, INET6) ?? String(icmp6 & 255);
    if (this.rule.family === INET) return ` return-icmp(${code})`;
    return this.rule.family === INET6 ? ` return-icmp6(${code6})` : ` return-icmp(${code}, ${code6})`;
  }

  private log(): string {
    const { log } = this.rule;
    if (log === undefined) return '';
    const words = [
      log.all && 'all',
      log.matches && 'matches',
      log.user && 'user',
      log.interface !== 0 && `to pflog${log.interface}`,
    ].filter(Boolean);
    return words.length === 0 ? ' log' : ` log (${words.join(', ')})`;
  }

  private interface(): string {
    const { rule } = this;
    if (rule.onAny) return ' on any';
    if (rule.routingDomain !== undefined) return ` on rdomain ${rule.routingDomain}`;
    if (rule.interface === undefined) return '';
    return ` on ${rule.interface.negated ? '! ' : ''}${rule.interface.name}`;
  }

  private receivedOn(): string {
    const { receivedOn } = this.rule;
    if (receivedOn === undefined) return '';
    return ` ${receivedOn.negated ? '! ' : ''}received-on ${receivedOn.name}`;
  }

  private route(): string {
    const { route, family } = this.rule;
    if (route === undefined) return '';
    if (route.pool === undefined) return ` ${route.kind}`;
    return ` ${route.kind} ${poolEntries(route.pool, family)}${poolWords(route.pool)}`;
  }

  private protocol(): string {
    const { protocol } = this.rule;
    if (protocol === undefined) return '';
    return ` proto ${this.facts.protocols.name(protocol) ?? protocol}`;
  }

  hosts(): string {
    const { source, destination, os } = this.rule;
    if (isPlainAny(source) && isPlainAny(destination) && os === undefined) return ' all';
    const fingerprint = os === undefined ? '' : ` os "${os}"`;
    return ` from ${this.side(source)}${fingerprint} to ${this.side(destination)}`;
  }

  private side(host: RuleHost): string {
    const { family, protocol } = this.rule;
    const address = formatPfHost(host.address, family, this.options.counts);
    const named = this.options.serviceNames ?? this.traits.serviceNames;
    const services = protocol === TCP ? this.facts.services.tcp : this.facts.services.udp;
    const port = host.port === undefined ? '' : formatPort(host.port, named ? services : undefined);
    return `${host.negated ? '! ' : ''}${address}${port}`;
  }

  private flags(): string {
    const { rule } = this;
    if (rule.flags !== undefined) return ` flags ${letters(rule.flags.set)}/${letters(rule.flags.mask)}`;
    const tcp = rule.protocol === undefined || rule.protocol === TCP;
    const any = rule.action === 'pass' && tcp && !rule.fragment && rule.state !== undefined;
    return any ? ' flags any' : '';
  }

  private icmp(): string {
    const { icmp } = this.rule;
    if (icmp === undefined) return '';
    const family: Family = this.rule.family ?? INET;
    const type = icmpTypeName(icmp.type, family) ?? icmp.type;
    const word = family === INET6 ? 'icmp6-type' : 'icmp-type';
    if (icmp.code === undefined) return ` ${word} ${type}`;
    return ` ${word} ${type} code ${icmpCodeName(icmp.type, icmp.code, family) ?? icmp.code}`;
  }

  private maxPacketRate(): string {
    const rate = this.rule.maxPacketRate;
    return rate === undefined ? '' : ` max-pkt-rate ${rate.limit}/${rate.seconds}`;
  }

  private set(): string {
    const { set } = this.rule;
    if (set === undefined) return '';
    const words: string[] = [];
    if (set.prio !== undefined) words.push(pair('prio', set.prio[0], set.prio[1]));
    if (this.traits.todaysRules) {
      if (set.queue !== undefined && !this.traits.classicRules) words.push(queueText(set.queue));
      if (set.tos !== undefined) words.push(`tos ${hexByte(set.tos)}`);
      if (set.delay !== undefined) words.push(`delay ${set.delay}`);
    }
    const [open, close] = this.traits.setParentheses;
    return words.length === 0 ? '' : ` set ${open}${words.join(', ')}${close}`;
  }

  private queue(): string {
    const queue = this.rule.set?.queue;
    return queue === undefined ? '' : ` ${queueText(queue)}`;
  }

  private state(): string {
    const { rule } = this;
    if (rule.state === undefined) return rule.action === 'pass' ? ' no state' : '';
    const { keep } = rule.state;
    const silent =
      keep === 'keep' && !this.traits.plainKeepState && stateWords(rule.state.options).length === 0;
    return silent ? '' : ` ${keep} state`;
  }

  private stateOptions(): string {
    const words = this.rule.state === undefined ? [] : stateWords(this.rule.state.options);
    return words.length === 0 ? '' : ` (${words.join(', ')})`;
  }

  private probability(): string {
    const { probability } = this.rule;
    if (probability === undefined) return '';
    const percent = ((probability * 100) / 2 ** 32).toFixed(6);
    return ` probability ${percent.replace(/\.?0+$/, '')}%`;
  }

  private classicScrub(): string {
    const { rule } = this;
    const { scrub } = rule;
    let text = '';
    if (scrub?.noDf) text += ' no-df';
    if (scrub?.randomId) text += ' random-id';
    if (scrub?.minTtl) text += ` min-ttl ${scrub.minTtl}`;
    if (scrub?.maxMss) text += ` max-mss ${scrub.maxMss}`;
    if (scrub?.setTos !== undefined) text += ` set-tos ${hexByte(scrub.setTos)}`;
    if (rule.allowOptions) text += ' allow-opts';
    if (rule.action !== 'scrub' || rule.no) return text;
    if (scrub?.reassembleTcp) text += ' reassemble tcp';
    return `${text} fragment ${scrub?.fragment === 'no' ? 'no reassemble' : (scrub?.fragment ?? 'reassemble')}`;
  }

  private scrub(): string {
    const { scrub } = this.rule;
    const words = [
      scrub?.noDf && 'no-df',
      scrub?.randomId && 'random-id',
      scrub?.minTtl && `min-ttl ${scrub.minTtl}`,
      scrub?.setTos !== undefined && `set-tos ${hexByte(scrub.setTos)}`,
      scrub?.reassembleTcp && 'reassemble tcp',
      scrub?.maxMss && `max-mss ${scrub.maxMss}`,
    ].filter(Boolean);
    return words.length === 0 ? '' : ` scrub (${words.join(' ')})`;
  }

  private tagged(): string {
    const { tagged } = this.rule;
    return tagged === undefined ? '' : `${tagged.negated ? ' !' : ''} tagged ${tagged.name}`;
  }

  private divert(): string {
    const { divert } = this.rule;
    switch (divert?.kind) {
      case 'to':
        return this.traits.divertPortOnly
          ? ` divert-to ${divert.port}`
          : ` divert-to ${formatAddress(divert.address)} port ${divert.port}`;
      case 'reply':
        return ' divert-reply';
      case 'packet':
        return ` divert-packet port ${divert.port}`;
      default:
        return '';
    }
  }

  private classicTranslation(): string {
    const { rule } = this;
    if (rule.action === 'anchor' || rule.no) return '';
    const pool = rule.nat ?? rule.rdr;
    return pool === undefined ? '' : ` -> ${poolText(pool, rule.family, rule.list === 'rdr')}`;
  }

  private translation(): string {
    const { rule } = this;
    const { afTo } = rule;
    if (afTo !== undefined) {
      const from = rule.nat === undefined ? '' : ` from ${poolText(rule.nat, afTo, false)}`;
      const to = rule.rdr === undefined ? '' : ` to ${poolText(rule.rdr, afTo, true)}`;
      return ` af-to ${familyWord(afTo)}${from}${to}`;
    }
    const nat = rule.nat === undefined ? '' : ` nat-to ${poolText(rule.nat, rule.family, false)}`;
    return rule.rdr === undefined ? nat : `${nat} rdr-to ${poolText(rule.rdr, rule.family, true)}`;
  }
}

/** ` from A to B` or ` all`, of what is not a whole rule. */
export function printHosts(hosts: Pick<Rule, 'family' | 'source' | 'destination'>): string {
  return new RulePrinter(
    { list: 'filter', action: 'pass', quick: false, ...hosts },
    traitsOf('freebsd'),
    {},
  ).hosts();
}

function isPlainAny(host: RuleHost): boolean {
  const { address } = host;
  const any =
    address.kind === 'any' ||
    (address.kind === 'prefix' && address.prefix.length === 0 && isUnspecified(address.prefix));
  return any && !host.negated && host.port === undefined;
}

/** All labels of a rule. */
export function labelsOf({ label, moreLabels = [] }: Pick<Rule, 'label' | 'moreLabels'>): readonly string[] {
  return label === undefined ? moreLabels : [label, ...moreLabels];
}

function limiterText({ kind, id, beyond }: Limiter): string {
  return ` ${kind} limiter id ${id}${beyond === 'no-match' ? ' (no-match)' : ''}`;
}

export function dummynetText(dummynet: Rule['dummynet']): string {
  if (dummynet === undefined) return '';
  const [there, back] = dummynet.numbers;
  return back === undefined ? ` ${dummynet.kind} ${there}` : ` ${dummynet.kind}(${there}, ${back})`;
}

function letters(flags: number): string {
  return [...FLAG_LETTERS].filter((_, bit) => flags & (1 << bit)).join('');
}

function hexByte(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}

function pair(word: string, first: number, second: number): string {
  return first === second ? `${word} ${first}` : `${word}(${first}, ${second})`;
}

function queueText(queue: readonly [string, string?]): string {
  const [name, priority] = queue;
  return priority === undefined ? `queue ${name}` : `queue(${name}, ${priority})`;
}
