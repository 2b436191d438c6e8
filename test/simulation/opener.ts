// SPDX-License-Identifier: ISC
//
// The key that firewalls of a sealed run share, and what they say under it.

import type { PfsyncKey } from '../../appliance/abi/pfsync.ts';
import { aesGcm } from '../../appliance/host/cryptography.ts';
import { setI32 } from '../../appliance/wire/bytes.ts';
import * as ethernet from '../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../appliance/wire/ipv4.ts';
import * as sealed from '../../appliance/wire/pfsyncSealed.ts';

const SECRET = new Uint8Array(sealed.KEY_LENGTH).fill(0x5a);
const cipher = aesGcm(SECRET);

/** Each with a stream of its own. */
export function keyOf(number: number): PfsyncKey {
  const stream = new Uint8Array(sealed.STREAM_LENGTH);
  setI32(stream, 0, number);
  return { secret: SECRET, stream };
}

export function isPfsync(bytes: Uint8Array): boolean {
  return (
    ethernet.type(bytes, 0) === ethernet.TYPE_IPV4 &&
    ipv4.protocol(bytes, ethernet.HEADER_LENGTH) === ipv4.PROTOCOL_PFSYNC
  );
}

/** The packet of version 6 in a frame, sealed or not; undefined where it is neither. */
export function packetIn(bytes: Uint8Array): Uint8Array | undefined {
  const at = ipv4.payloadAt(bytes, ethernet.HEADER_LENGTH);
  if (bytes[at] !== sealed.VERSION) return bytes.subarray(at);
  const end = sealed.endOf(bytes, at, bytes.length);
  if (end < 0) return undefined;
  const body = at + sealed.HEADER_LENGTH;
  return cipher.open(sealed.nonce(bytes, at), bytes.subarray(at, body), bytes.subarray(body, end));
}
