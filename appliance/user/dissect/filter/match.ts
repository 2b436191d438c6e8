// SPDX-License-Identifier: ISC
//
// Whether a packet passes a filter. Bytes that were not captured match nothing.

import { REASONS } from '../../../abi/names.ts';
import * as arp from '../../../wire/arp.ts';
import { i32, u16 } from '../../../wire/bytes.ts';
import * as ethernet from '../../../wire/ethernet.ts';
import * as ipv4 from '../../../wire/ipv4.ts';
import * as ipv6 from '../../../wire/ipv6.ts';
import * as pcap from '../../../wire/pcap.ts';
import * as pflog from '../../../wire/pflog.ts';
import * as udp from '../../../wire/udp.ts';
import { actionName } from '../actions.ts';
import type {
  Direction,
  Expression,
  HostPrimitive,
  Layer,
  LogField,
  PortPrimitive,
  Primitive,
  Term,
} from './expression.ts';
import type { FilterPacket, Layers } from './packet.ts';

const LAYER_PROTOCOLS: Readonly<Partial<Record<Layer, number>>> = {
  tcp: ipv4.PROTOCOL_TCP,
  udp: ipv4.PROTOCOL_UDP,
  icmp: ipv4.PROTOCOL_ICMP,
  icmp6: ipv6.NEXT_ICMP6,
  igmp: ipv4.PROTOCOL_IGMP,
};

export function matches(expression: Expression, packet: FilterPacket): boolean {
  switch (expression.kind) {
    case 'and':
      return matches(expression.left, packet) && matches(expression.right, packet);
    case 'or':
      return matches(expression.left, packet) || matches(expression.right, packet);
    case 'not':
      return !matches(expression.operand, packet);
    default:
      return matchesPrimitive(expression, packet);
  }
}

function matchesPrimitive(primitive: Primitive, packet: FilterPacket): boolean {
  const layers = packet.layers(primitive.tags);
  switch (primitive.kind) {
    case 'host':
      return matchesHost(primitive, packet, layers);
    case 'port':
      return matchesPort(primitive, packet, layers);
    case 'protocol':
      if (primitive.family !== undefined && primitive.family !== layers.family) return false;
      return layers.family !== 0 && layers.protocol === primitive.number;
    case 'etherType':
      return layers.etherType === primitive.type;
    case 'etherHost':
      return matchesEther(primitive.direction, primitive.address, packet);
    case 'broadcast':
    case 'multicast':
      return matchesGroup(primitive.kind, primitive.layer, packet, layers);
    case 'length':
      return packet.length >= primitive.least && packet.length <= primitive.most;
    case 'vlan':
      return layers.vlan >= 0 && (primitive.id === undefined || layers.vlan === primitive.id);
    case 'log':
      return matchesLog(primitive.field, primitive.value, packet);
    case 'compare':
      return compares(primitive, packet, layers);
  }
}

function either(direction: Direction, source: boolean, destination: boolean): boolean {
  switch (direction) {
    case 'src':
      return source;
    case 'dst':
      return destination;
    case 'both':
      return source && destination;
    default:
      return source || destination;
  }
}

function matchesHost(primitive: HostPrimitive, packet: FilterPacket, layers: Layers): boolean {
  const { prefix, layer, direction } = primitive;
  const at = addresses(prefix.family, layer, packet, layers);
  if (at === undefined) return false;
  const inPrefix = (position: number) => contained(packet.bytes, position, prefix.words, prefix.length);
  return either(direction, inPrefix(at[0]), inPrefix(at[1]));
}

/** Positions of source and destination address of this family, where the packet has them. */
function addresses(
  family: 4 | 6,
  layer: HostPrimitive['layer'],
  packet: FilterPacket,
  layers: Layers,
): readonly [number, number] | undefined {
  const { network } = layers;
  if (family === 6) {
    return layers.family === 6 ? [ipv6.sourceAt(network), ipv6.destinationAt(network)] : undefined;
  }
  if (layers.family === 4) {
    const wanted = layer === undefined || layer === 'ip';
    return wanted ? [ipv4.sourceAt(network), ipv4.destinationAt(network)] : undefined;
  }
  const kind = { [ethernet.TYPE_ARP]: 'arp', [ethernet.TYPE_REVERSE_ARP]: 'rarp' }[layers.etherType];
  if (kind === undefined || (layer !== undefined && layer !== kind)) return undefined;
  if (packet.end - network < arp.PACKET_LENGTH || !arp.addressesValid(packet.bytes, network))
    return undefined;
  return [arp.senderAt(network), arp.targetAt(network)];
}

function contained(bytes: Uint8Array, at: number, words: readonly number[], length: number): boolean {
  return words.every((word, i) => {
    const bits = Math.min(32, length - 32 * i);
    return bits <= 0 || ((word ^ i32(bytes, at + 4 * i)) & (-1 << (32 - bits))) === 0;
  });
}

/** TCP has its ports where UDP has them. */
function matchesPort(primitive: PortPrimitive, packet: FilterPacket, layers: Layers): boolean {
  const { transport, protocol } = layers;
  const isTcp = protocol === ipv4.PROTOCOL_TCP && primitive.protocol !== 'udp';
  const isUdp = protocol === ipv4.PROTOCOL_UDP && primitive.protocol !== 'tcp';
  if (transport < 0 || transport + 4 > packet.end || !(isTcp || isUdp)) return false;
  const inRange = (port: number) => port >= primitive.low && port <= primitive.high;
  return either(
    primitive.direction,
    inRange(udp.sourcePort(packet.bytes, transport)),
    inRange(udp.destinationPort(packet.bytes, transport)),
  );
}

function matchesEther(direction: Direction, address: readonly number[], packet: FilterPacket): boolean {
  if (!packet.hasEthernet()) return false;
  const same = (at: number) => address.every((byte, i) => packet.bytes[at + i] === byte);
  return either(
    direction,
    same(ethernet.sourceAt(packet.offset)),
    same(ethernet.destinationAt(packet.offset)),
  );
}

/** An IP broadcast is told by all ones or all zeros alone: a capture knows no netmask. */
function matchesGroup(
  kind: 'broadcast' | 'multicast',
  layer: 'ether' | 'ip' | 'ip6',
  packet: FilterPacket,
  layers: Layers,
): boolean {
  const { bytes, offset } = packet;
  if (layer === 'ether') {
    if (!packet.hasEthernet()) return false;
    return kind === 'broadcast' ? ethernet.isBroadcast(bytes, offset) : ethernet.isMulticast(bytes, offset);
  }
  if (layer === 'ip6') {
    return layers.family === 6 && ipv6.isMulticast(ipv6.destinationWord(bytes, layers.network, 0));
  }
  if (layers.family !== 4) return false;
  const destination = ipv4.destination(bytes, layers.network);
  if (kind === 'multicast') return ipv4.isMulticast(destination);
  return destination === ipv4.BROADCAST || destination === ipv4.ANY;
}

function matchesLog(field: LogField, value: string | number, packet: FilterPacket): boolean {
  const { bytes, offset } = packet;
  if (packet.linkType !== pcap.LINK_PFLOG || !pflog.valid(bytes, offset, packet.end)) return false;
  switch (field) {
    case 'interface':
      return nameAt(bytes, pflog.interfaceAt(offset)) === value;
    case 'ruleset':
      return nameAt(bytes, pflog.rulesetAt(offset)) === value;
    case 'rule':
      return pflog.rule(bytes, offset) === value;
    case 'subrule':
      return pflog.subrule(bytes, offset) === value;
    case 'reason':
      return REASONS[pflog.reason(bytes, offset)] === value;
    case 'action':
      return actionName(pflog.action(bytes, offset)) === value;
    case 'direction':
      return (pflog.direction(bytes, offset) === pflog.DIRECTION_OUT ? 'out' : 'in') === value;
  }
}

function nameAt(bytes: Uint8Array, at: number): string {
  let text = '';
  for (let i = at; i < at + pflog.NAME_LENGTH && bytes[i] !== 0; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

function compares(
  primitive: Extract<Primitive, { kind: 'compare' }>,
  packet: FilterPacket,
  layers: Layers,
): boolean {
  const left = evaluate(primitive.left, packet, layers);
  const right = evaluate(primitive.right, packet, layers);
  if (left === undefined || right === undefined) return false;
  switch (primitive.operator) {
    case '=':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '>':
      return left > right;
    case '<=':
      return left <= right;
    case '>=':
      return left >= right;
  }
}

/** Undefined when a byte is not there, or for a division by zero: then the comparison is false, whatever it asks. */
function evaluate(term: Term, packet: FilterPacket, layers: Layers): number | undefined {
  switch (term.kind) {
    case 'number':
      return term.value;
    case 'length':
      return packet.length;
    case 'load': {
      const base = baseOf(term.layer, packet, layers);
      const offset = evaluate(term.offset, packet, layers);
      if (base < 0 || offset === undefined || base + offset + term.size > packet.end) return undefined;
      return load(packet.bytes, base + offset, term.size);
    }
    case 'binary': {
      const left = evaluate(term.left, packet, layers);
      const right = evaluate(term.right, packet, layers);
      return left === undefined || right === undefined ? undefined : calculate(term.operator, left, right);
    }
  }
}

/** Where offsets of a layer count from, -1 where the packet has none such. */
function baseOf(layer: Layer, packet: FilterPacket, layers: Layers): number {
  switch (layer) {
    case 'ether':
      return packet.hasEthernet() ? packet.offset : -1;
    case 'ip':
      return layers.family === 4 ? layers.network : -1;
    case 'ip6':
      return layers.family === 6 ? layers.network : -1;
    case 'arp':
      return layers.etherType === ethernet.TYPE_ARP ? layers.network : -1;
    case 'rarp':
      return layers.etherType === ethernet.TYPE_REVERSE_ARP ? layers.network : -1;
    default:
      return layers.protocol === LAYER_PROTOCOLS[layer] ? layers.transport : -1;
  }
}

function load(bytes: Uint8Array, at: number, size: number): number {
  if (size === 1) return bytes[at]!;
  return size === 2 ? u16(bytes, at) : i32(bytes, at) >>> 0;
}

function calculate(
  operator: Extract<Term, { kind: 'binary' }>['operator'],
  left: number,
  right: number,
): number | undefined {
  switch (operator) {
    case '+':
      return (left + right) >>> 0;
    case '-':
      return (left - right) >>> 0;
    case '*':
      return Math.imul(left, right) >>> 0;
    case '/':
      return right === 0 ? undefined : Math.floor(left / right);
    case '&':
      return (left & right) >>> 0;
    case '|':
      return (left | right) >>> 0;
  }
}
