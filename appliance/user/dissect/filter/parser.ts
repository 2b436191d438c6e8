// SPDX-License-Identifier: ISC
//
// The filter expressions of tcpdump(8): primitives joined by and, or, not. `and` and `or` bind alike, from left to right; an
// address or port without keywords takes those of the one before it.

import { hostPrefix, type Prefix } from '../../../abi/address.ts';
import { parseAddress, parseLinkAddress } from '../../../abi/addressText.ts';
import * as ethernet from '../../../wire/ethernet.ts';
import { type Direction, type Expression, FilterError, type LogField, type Primitive } from './expression.ts';
import { type Names, parseNet, parsePortRange, parseProtocol } from './names.ts';
import { FilterTerms } from './terms.ts';

/** What stands in front of an address or a port. */
interface Qualifiers {
  readonly protocol: string | undefined;
  readonly direction: Direction;
  readonly type: 'host' | 'net' | 'port' | 'portrange' | 'default';
}

const ADDRESS_LAYERS = ['ip', 'ip6', 'arp', 'rarp'] as const;
const TYPES = ['host', 'net', 'port', 'portrange'] as const;

const ETHER_TYPES: Readonly<Record<string, number>> = {
  ip: ethernet.TYPE_IPV4,
  ip6: ethernet.TYPE_IPV6,
  arp: ethernet.TYPE_ARP,
  rarp: ethernet.TYPE_REVERSE_ARP,
};

/** Protocols that stand for themselves, and the family that has them. */
const PROTOCOLS: Readonly<Record<string, readonly [number, 4 | 6 | undefined]>> = {
  tcp: [6, undefined],
  udp: [17, undefined],
  icmp: [1, 4],
  icmp6: [58, 6],
  igmp: [2, 4],
  carp: [112, undefined],
  pfsync: [240, undefined],
  esp: [50, undefined],
  ah: [51, undefined],
  gre: [47, undefined],
  ospf: [89, undefined],
  pim: [103, undefined],
};

/** Keywords about packets from pflog(4). */
const LOG_FIELDS: Readonly<Record<string, LogField>> = {
  on: 'interface',
  ifname: 'interface',
  rnr: 'rule',
  rulenum: 'rule',
  srnr: 'subrule',
  subrulenum: 'subrule',
  rset: 'ruleset',
  ruleset: 'ruleset',
  reason: 'reason',
  action: 'action',
};

/** The tree of a filter, undefined for an empty text, which everything passes. Throws FilterError. */
export function parseFilter(text: string, names: Names): Expression | undefined {
  const parser = new FilterParser(text, names);
  return parser.parse();
}

class FilterParser extends FilterTerms {
  private readonly names: Names;
  private remembered: Qualifiers | undefined;
  /** How many `vlan` have been read. */
  private tags = 0;

  constructor(text: string, names: Names) {
    super(text);
    this.names = names;
  }

  parse(): Expression | undefined {
    if (this.atEnd()) return undefined;
    const expression = this.expression();
    if (!this.atEnd()) throw this.unexpected("'and' or 'or'");
    return expression;
  }

  /** factor { (and | or) factor } */
  private expression(): Expression {
    let left = this.factor();
    for (;;) {
      const kind = this.accept('and', '&&') ? 'and' : this.accept('or', '||') ? 'or' : undefined;
      if (kind === undefined) return left;
      left = { kind, left, right: this.factor() };
    }
  }

  /** { not } ( "(" expression ")" | primitive ) */
  private factor(): Expression {
    if (this.accept('not', '!')) return { kind: 'not', operand: this.factor() };
    if (this.startsComparison()) return this.at(this.comparison());
    if (!this.accept('(')) return this.primitive();
    const inner = this.expression();
    this.expect(')');
    return inner;
  }

  private at<P>(primitive: P): P & { readonly tags: number } {
    return { ...primitive, tags: this.tags };
  }

  private primitive(): Primitive {
    const word = this.keyword();
    if (this.accept('vlan')) return this.vlan();
    if (this.accept('less')) return this.at({ kind: 'length', least: 0, most: this.number() });
    if (this.accept('greater')) return this.at({ kind: 'length', least: this.number(), most: Infinity });
    if (this.accept('broadcast')) return this.at({ kind: 'broadcast', layer: 'ether' });
    if (this.accept('multicast')) return this.at({ kind: 'multicast', layer: 'ether' });
    if (this.accept('inbound')) return this.at({ kind: 'log', field: 'direction', value: 'in' });
    if (this.accept('outbound')) return this.at({ kind: 'log', field: 'direction', value: 'out' });
    const field = word === undefined ? undefined : LOG_FIELDS[word];
    if (field !== undefined) return this.logField(field);
    return this.qualified();
  }

  /** What follows looks behind the tag. */
  private vlan(): Primitive {
    const id = this.isNumber() ? this.number() : undefined;
    const primitive = this.at({ kind: 'vlan' as const, id });
    this.tags++;
    return primitive;
  }

  private logField(field: LogField): Primitive {
    this.advance();
    const numeric = field === 'rule' || field === 'subrule';
    return this.at({ kind: 'log', field, value: numeric ? this.number() : this.name(`a ${field}`) });
  }

  /** [protocol] [direction] [type] id, or a protocol alone. */
  private qualified(): Primitive {
    const protocol = this.protocolName();
    if (protocol !== undefined) {
      if (this.accept('broadcast')) return this.group('broadcast', protocol);
      if (this.accept('multicast')) return this.group('multicast', protocol);
    }
    if (this.accept('proto')) return this.protocolNumber(protocol);
    const direction = this.direction();
    const type = TYPES.find((name) => this.accept(name));
    if (direction === undefined && type === undefined) {
      return protocol === undefined ? this.inherited() : this.abbreviation(protocol);
    }
    this.remembered = { protocol, direction: direction ?? 'either', type: type ?? 'default' };
    return this.identified(this.remembered);
  }

  private protocolName(): string | undefined {
    const word = this.keyword();
    if (word === undefined) return undefined;
    if (word !== 'ether' && !(word in ETHER_TYPES) && !(word in PROTOCOLS)) return undefined;
    this.advance();
    return word;
  }

  private group(kind: 'broadcast' | 'multicast', layer: string): Primitive {
    if (layer === 'ether' || layer === 'ip') return this.at({ kind, layer });
    if (layer === 'ip6' && kind === 'multicast') return this.at({ kind, layer });
    throw this.error(`'${layer}' has no ${kind}`);
  }

  private protocolNumber(protocol: string | undefined): Primitive {
    const name = this.name('a protocol');
    if (protocol === 'ether') {
      const type = ETHER_TYPES[name] ?? Number(name);
      if (!Number.isInteger(type)) throw this.error(`unknown ether proto '${name}'`);
      return this.at({ kind: 'etherType', type });
    }
    if (protocol !== undefined && protocol !== 'ip' && protocol !== 'ip6') {
      throw this.error(`'${protocol}' modifier applied to proto`);
    }
    const number = parseProtocol(name);
    if (number === undefined) throw this.error(`unknown ip proto '${name}'`);
    const family = protocol === 'ip' ? 4 : protocol === 'ip6' ? 6 : undefined;
    return this.at({ kind: 'protocol', family, number });
  }

  /** src, dst, src or dst, src and dst. */
  private direction(): Direction | undefined {
    for (const [first, second] of [
      ['src', 'dst'],
      ['dst', 'src'],
    ] as const) {
      if (!this.accept(first)) continue;
      if (this.acceptPair('or', second)) return 'either';
      if (this.acceptPair('and', second)) return 'both';
      return first;
    }
    return undefined;
  }

  private abbreviation(protocol: string): Primitive {
    const type = ETHER_TYPES[protocol];
    if (type !== undefined) return this.at({ kind: 'etherType', type });
    const [number, family] = PROTOCOLS[protocol] ?? [];
    if (number === undefined) throw this.unexpected("'host', 'src', 'dst' or 'proto'");
    return this.at({ kind: 'protocol', family, number });
  }

  private inherited(): Primitive {
    if (this.remembered !== undefined) return this.identified(this.remembered);
    return this.identified({ protocol: undefined, direction: 'either', type: 'default' });
  }

  private identified(qualifiers: Qualifiers): Primitive {
    switch (qualifiers.type) {
      case 'port':
      case 'portrange':
        return this.port(qualifiers);
      case 'net':
        return this.net(qualifiers, this.name('a network'));
      default:
        return this.host(qualifiers);
    }
  }

  private port(qualifiers: Qualifiers): Primitive {
    const { protocol, direction } = qualifiers;
    if (protocol !== undefined && protocol !== 'tcp' && protocol !== 'udp') {
      throw this.error(`'${protocol}' modifier applied to ${qualifiers.type}`);
    }
    const text = this.name('a port');
    const range = parsePortRange(text, protocol, qualifiers.type === 'portrange');
    if (typeof range === 'string') throw this.error(range);
    return this.at({ kind: 'port', direction, ...range });
  }

  private host(qualifiers: Qualifiers): Primitive {
    const text = this.name(qualifiers.type === 'host' ? 'a host' : 'a primitive');
    if (qualifiers.protocol === 'ether') return this.etherHost(qualifiers.direction, text);
    if (qualifiers.type === 'default' && text.includes('/')) return this.net(qualifiers, text);
    const address = parseAddress(text) ?? this.names.host(text);
    if (address === undefined) throw this.error(`unknown host '${text}'`);
    return this.addressed(qualifiers, 'host', hostPrefix(address));
  }

  private etherHost(direction: Direction, text: string): Primitive {
    const address = parseLinkAddress(text);
    if (address === undefined) throw this.error(`unknown ether host '${text}'`);
    return this.at({ kind: 'etherHost', direction, address });
  }

  private net(qualifiers: Qualifiers, text: string): Primitive {
    const mask = this.accept('mask') ? this.name('a netmask') : undefined;
    const prefix = parseNet(text, mask);
    if (typeof prefix === 'string') throw this.error(prefix);
    return this.addressed(qualifiers, 'net', prefix);
  }

  private addressed(qualifiers: Qualifiers, what: string, prefix: Prefix): Primitive {
    const { protocol, direction } = qualifiers;
    const layer = ADDRESS_LAYERS.find((name) => name === protocol);
    if (protocol !== undefined && layer === undefined) {
      throw this.error(`'${protocol}' modifier applied to ${what}`);
    }
    if (layer !== undefined && (layer === 'ip6') !== (prefix.family === 6)) {
      throw this.error(`'${layer}' modifier applied to an ${prefix.family === 6 ? 'ip6' : 'ip'} ${what}`);
    }
    return this.at({ kind: 'host', layer, direction, prefix });
  }

  /** An error about the word just read. */
  private error(message: string): FilterError {
    return new FilterError(message, this.lastPosition());
  }
}
