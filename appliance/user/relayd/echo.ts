// SPDX-License-Identifier: ISC
//
// The ICMP echo of a host check: the request, and which message answers it.

import { type Family, INET } from '../../abi/address.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';

const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMP6 = 58;
/** Bytes behind the header, as ping(8) sends. */
const PAYLOAD = 56;

/** A request and the protocol that it is of. The kernel fills in ICMPv6's checksum. */
export function echoRequest(
  family: Family,
  id: number,
  sequence: number,
): { readonly protocol: number; readonly data: Uint8Array } {
  const data = new Uint8Array(icmp.HEADER_LENGTH + PAYLOAD);
  const type = family === INET ? icmp.TYPE_ECHO : icmp6.TYPE_ECHO;
  icmp.write(data, 0, type, 0, icmp.echoRest(id, sequence));
  if (family === INET) icmp.fillChecksum(data, 0, data.length);
  return { protocol: family === INET ? PROTOCOL_ICMP : PROTOCOL_ICMP6, data };
}

/** Whether a message answers this request: the right type, and its id and sequence number. */
export function isEchoReply(family: Family, message: Uint8Array, request: Uint8Array): boolean {
  if (message.length < icmp.HEADER_LENGTH) return false;
  const type = family === INET ? icmp.TYPE_ECHO_REPLY : icmp6.TYPE_ECHO_REPLY;
  return (
    icmp.type(message, 0) === type &&
    icmp.identifier(message, 0) === icmp.identifier(request, 0) &&
    icmp.sequence(message, 0) === icmp.sequence(request, 0)
  );
}
