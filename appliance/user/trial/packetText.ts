// SPDX-License-Identifier: ISC
//
// A packet in words, read and written: `in on vr0 tcp from 192.0.2.1 port 1024 to 192.0.2.253 port 80 flags S`.

import { type Address, INET, INET6 } from '../../abi/address.ts';
import { formatAddress, parseAddress } from '../../abi/addressText.ts';
import type { PacketDirection } from '../../abi/judgement.ts';
import { PROTOCOLS } from '../../abi/names.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';

export interface PacketDescription {
  readonly direction: PacketDirection;
  readonly interface: string;
  readonly protocol: number;
  readonly source: Address;
  readonly sourcePort: number;
  readonly destination: Address;
  readonly destinationPort: number;
  /** Of TCP; a SYN when nothing is said. */
  readonly flags: number;
  readonly icmpType: number;
  readonly icmpCode: number;
  readonly tos: number;
  readonly ttl: number;
  /** Bytes of data behind the headers. */
  readonly data: number;
}

/** A description that cannot be understood; the message says where. */
export class DescriptionError extends Error {}

/** Letters of TCP's flags, as pf.conf(5) has them. */
const FLAGS: readonly (readonly [letter: string, bit: number])[] = [
  ['F', tcp.FLAG_FIN],
  ['S', tcp.FLAG_SYN],
  ['R', tcp.FLAG_RST],
  ['P', tcp.FLAG_PSH],
  ['A', tcp.FLAG_ACK],
  ['U', tcp.FLAG_URG],
  ['E', tcp.FLAG_ECE],
  ['W', tcp.FLAG_CWR],
];
const names = new Map(Object.entries(PROTOCOLS).map(([name, number]) => [number, name]));
/** What pf.conf calls ICMPv6. */
const ICMP6_WORDS = ['icmp6', 'ipv6-icmp'];

class Words {
  private readonly words: readonly string[];
  private at = 0;

  constructor(text: string) {
    this.words = text.trim().split(/\s+/).filter(Boolean);
  }

  take(...wanted: string[]): string | undefined {
    const word = this.words[this.at];
    if (word === undefined || !wanted.includes(word)) return undefined;
    this.at++;
    return word;
  }

  next(what: string): string {
    const word = this.words[this.at++];
    if (word === undefined) throw new DescriptionError(`${what} is expected at the end`);
    return word;
  }

  must(...wanted: string[]): string {
    const word = this.take(...wanted);
    if (word !== undefined) return word;
    const found = this.words[this.at] === undefined ? 'at the end' : `before '${this.words[this.at]}'`;
    throw new DescriptionError(`${wanted.map((one) => `'${one}'`).join(' or ')} is expected ${found}`);
  }

  end(): void {
    const word = this.words[this.at];
    if (word === undefined) return;
    throw new DescriptionError(`'${word}' is not understood (flags, icmp-type, code, tos, ttl, length)`);
  }
}

/** Reads a packet in words; throws DescriptionError. */
export function parsePacket(text: string): PacketDescription {
  const words = new Words(text);
  const direction = words.must('in', 'out') as PacketDirection;
  words.must('on');
  const on = words.next('an interface');
  words.take('inet', 'inet6');
  words.take('proto');
  const protocolWord = words.next('a protocol');
  words.must('from');
  const source = addressOf(words.next('an address'));
  const sourcePort = portOf(words, 1024);
  words.must('to');
  const destination = addressOf(words.next('an address'));
  const destinationPort = portOf(words, 0);
  if (source.family !== destination.family) throw new DescriptionError('both addresses are of one family');
  const protocol = protocolOf(protocolWord, source.family);
  const hasPorts = protocol === ipv4.PROTOCOL_TCP || protocol === ipv4.PROTOCOL_UDP;
  if (hasPorts && destinationPort === 0) {
    throw new DescriptionError(`${protocolWord} needs a port behind 'to ${formatAddress(destination)}'`);
  }
  const options = optionsOf(words, protocol);
  return { direction, interface: on, protocol, source, sourcePort, destination, destinationPort, ...options };
}

function optionsOf(words: Words, protocol: number) {
  const options = {
    flags: tcp.FLAG_SYN as number,
    icmpType: protocol === ipv6.NEXT_ICMP6 ? 128 : 8,
    icmpCode: 0,
    tos: 0,
    ttl: 64,
    data: 0,
  };
  for (;;) {
    if (words.take('flags')) options.flags = flagsOf(words.next('flags'));
    else if (words.take('icmp-type', 'icmp6-type')) options.icmpType = numberOf(words.next('a type'), 255);
    else if (words.take('code')) options.icmpCode = numberOf(words.next('a code'), 255);
    else if (words.take('tos')) options.tos = numberOf(words.next('a number'), 255);
    else if (words.take('ttl')) options.ttl = numberOf(words.next('a number'), 255);
    else if (words.take('length')) options.data = numberOf(words.next('a number'), 65_000);
    else break;
  }
  words.end();
  return options;
}

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new DescriptionError(`${text} is not an address`);
  return address;
}

function portOf(words: Words, fallback: number): number {
  return words.take('port') === undefined ? fallback : numberOf(words.next('a port'), 65_535);
}

function numberOf(text: string, most: number): number {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text) || Number(text) > most) {
    throw new DescriptionError(`${text} is not a number from 0 to ${most}`);
  }
  return Number(text);
}

function protocolOf(word: string, family: 4 | 6): number {
  if (word === 'icmp' && family === INET6) throw new DescriptionError('icmp of IPv6 is icmp6');
  if (ICMP6_WORDS.includes(word)) return ipv6.NEXT_ICMP6;
  return PROTOCOLS[word] ?? numberOf(word, 255);
}

function flagsOf(text: string): number {
  let bits = 0;
  for (const letter of text) {
    const flag = FLAGS.find(([one]) => one === letter);
    if (flag === undefined) throw new DescriptionError(`flags are letters of FSRPAUEW, not ${letter}`);
    bits |= flag[1];
  }
  return bits;
}

/** Writes a packet as it can be read. */
export function formatPacket(packet: PacketDescription): string {
  const { protocol, source, destination } = packet;
  const hasPorts = protocol === ipv4.PROTOCOL_TCP || protocol === ipv4.PROTOCOL_UDP;
  const end = (address: Address, port: number) =>
    `${formatAddress(address)}${hasPorts ? ` port ${port}` : ''}`;
  const words = [
    `${packet.direction} on ${packet.interface} ${protocolName(protocol)}`,
    `from ${end(source, packet.sourcePort)} to ${end(destination, packet.destinationPort)}`,
  ];
  if (protocol === ipv4.PROTOCOL_TCP) words.push(`flags ${formatFlags(packet.flags)}`);
  if (protocol === ipv4.PROTOCOL_ICMP || protocol === ipv6.NEXT_ICMP6) {
    words.push(
      `${source.family === INET ? 'icmp' : 'icmp6'}-type ${packet.icmpType} code ${packet.icmpCode}`,
    );
  }
  return words.join(' ');
}

function protocolName(protocol: number): string {
  return protocol === ipv6.NEXT_ICMP6 ? 'icmp6' : (names.get(protocol) ?? String(protocol));
}

export function formatFlags(bits: number): string {
  return FLAGS.filter(([, bit]) => (bits & bit) !== 0)
    .map(([letter]) => letter)
    .join('');
}
