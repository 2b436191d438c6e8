// SPDX-License-Identifier: ISC
//
// Options of hop-by-hop and destination options headers (RFC 8200 4.2): known ones pass, unknown ones say themselves what to do.

import * as ip6s from '../../abi/counters/ip6.ts';
import * as extension6 from '../../wire/extension6.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Counters } from '../counters.ts';
import type { Packet } from '../packet.ts';
import type { IcmpErrors } from '../transport/transport.ts';
import { problem } from './headers6.ts';

/**
 * Goes through the options of the header at `at`, which lies whole in the packet. False when the packet must be dropped;
 * that has then been counted and, where the option or RFC asks for it, answered with a parameter problem.
 */
export function processOptions(packet: Packet, at: number, counters: Counters, errors: IcmpErrors): boolean {
  const bytes = packet.bytes;
  const end = at + extension6.headerLength(bytes, ipv6.NEXT_HOP_BY_HOP, at, packet.end);
  let option = extension6.optionsAt(at);
  while (option < end) {
    const length = extension6.optionLength(bytes, option, end);
    if (length === 0) {
      // An option that runs over its header: the length byte is erroneous.
      counters.count(ip6s.BAD_OPTIONS);
      problem(packet, errors, icmp6.CODE_PARAMETER_HEADER, option + 1);
      return false;
    }
    if (!isKnown(bytes, option) && !skipUnknown(packet, option, counters, errors)) return false;
    option += length;
  }
  return true;
}

function isKnown(bytes: Uint8Array, option: number): boolean {
  const type = extension6.optionType(bytes, option);
  return (
    type === extension6.OPTION_PAD1 ||
    type === extension6.OPTION_PADN ||
    type === extension6.OPTION_ROUTER_ALERT
  );
}

/** Acts as the top bits of an unknown option say; true when it is to be skipped. A jumbo payload is unknown here too. */
function skipUnknown(packet: Packet, option: number, counters: Counters, errors: IcmpErrors): boolean {
  const action = extension6.optionAction(packet.bytes, option);
  if (action === extension6.ACTION_SKIP) return true;
  counters.count(ip6s.BAD_OPTIONS);
  const multicast = ipv6.isMulticast(ipv6.destinationWord(packet.bytes, packet.network, 0));
  if (action === extension6.ACTION_REPORT || (action === extension6.ACTION_REPORT_UNICAST && !multicast)) {
    problem(packet, errors, icmp6.CODE_PARAMETER_OPTION, option);
  }
  return false;
}
