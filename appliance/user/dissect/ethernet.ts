// SPDX-License-Identifier: ISC
//
// Prints an Ethernet frame: with -e source, destination, type and length; tags; then what it carries.

import * as ethernet from '../../wire/ethernet.ts';
import { printArp } from './arp.ts';
import { captured, etherAddress, type Frame, hex } from './frame.ts';
import { printIpv4 } from './ipv4.ts';
import { printIpv6 } from './ipv6.ts';

/** Tags in front of one packet that are followed; more are as good as unknown. */
const MAXIMUM_TAGS = 4;

/** A frame whose type is not known shows its header even without -e. */
export function printEthernet(frame: Frame, offset: number, length: number): string {
  if (!captured(frame, offset, ethernet.HEADER_LENGTH)) return '[|ether]';
  frame.options.found?.('ethernet', offset, length, -1);
  const type = ethernet.type(frame.bytes, offset);
  const payload = offset + ethernet.HEADER_LENGTH;
  const text = printPayload(frame, type, payload, length - ethernet.HEADER_LENGTH, 0);
  if (text === undefined) return header(frame, offset, length);
  return (frame.options.ethernet ? header(frame, offset, length) : '') + text;
}

function header(frame: Frame, offset: number, length: number): string {
  const from = etherAddress(frame, ethernet.sourceAt(offset));
  const to = etherAddress(frame, ethernet.destinationAt(offset));
  const type = frame.options.quick ? '' : ` ${hex(ethernet.type(frame.bytes, offset), 4)}`;
  return `${from} ${to}${type} ${length}: `;
}

/** The text of a payload of this type, undefined when the type is not known. */
function printPayload(
  frame: Frame,
  type: number,
  at: number,
  length: number,
  tags: number,
): string | undefined {
  switch (type) {
    case ethernet.TYPE_IPV4:
      return printIpv4(frame, at, length);
    case ethernet.TYPE_IPV6:
      return printIpv6(frame, at, length);
    case ethernet.TYPE_ARP:
    case ethernet.TYPE_REVERSE_ARP:
      return printArp(frame, at, length);
    case ethernet.TYPE_VLAN:
    case ethernet.TYPE_QINQ:
      return tags < MAXIMUM_TAGS ? printTag(frame, type, at, length, tags) : undefined;
    default:
      return undefined;
  }
}

function printTag(frame: Frame, type: number, at: number, length: number, tags: number): string {
  const name = type === ethernet.TYPE_QINQ ? 'QinQ s' : '802.1Q ';
  if (!captured(frame, at, ethernet.TAG_LENGTH)) return `${name}[|vlan]`;
  frame.options.found?.('vlan', at, length, -1);
  const start = at - ethernet.HEADER_LENGTH; // where an Ethernet header would have to begin for this to be its tag
  const vlan = ethernet.vlan(frame.bytes, start);
  const priority = ethernet.priority(frame.bytes, start);
  const eligible = ethernet.dropEligible(frame.bytes, start) ? ' cfi ' : ' ';
  const inner = ethernet.taggedType(frame.bytes, start);
  const rest = printPayload(frame, inner, at + ethernet.TAG_LENGTH, length - ethernet.TAG_LENGTH, tags + 1);
  return `${name}vid ${vlan} pri ${priority}${eligible}${rest ?? hex(inner, 4)}`;
}
