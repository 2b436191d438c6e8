// SPDX-License-Identifier: ISC
//
// Capture filters (tcpdump(8), expression): from their text to a test of packets.

import { matches } from './filter/match.ts';
import { type Names, NO_NAMES } from './filter/names.ts';
import { FilterPacket } from './filter/packet.ts';
import { parseFilter } from './filter/parser.ts';

export { FilterError } from './filter/expression.ts';
export type { Names } from './filter/names.ts';

/**
 * Whether the frame in [offset, end) of a capture with this link type (pcap.LINK_*) passes; `length` is what it had on the wire.
 * Never throws, whatever the bytes.
 */
export type Filter = (
  linkType: number,
  bytes: Uint8Array,
  offset: number,
  end: number,
  length: number,
) => boolean;

/** The filter that a text describes; an empty one lets everything pass. Throws FilterError with a position in the text. */
export function compileFilter(text: string, names: Names = NO_NAMES): Filter {
  const expression = parseFilter(text, names);
  if (expression === undefined) return () => true;
  return (linkType, bytes, offset, end, length) =>
    matches(expression, new FilterPacket(linkType, bytes, offset, end, length));
}
