// SPDX-License-Identifier: ISC
//
// One packet as a line of text, laid out as OpenBSD's tcpdump(8) prints it. Any bytes can be printed: what the capture cut off
// shows as `[|proto]`, and no control character comes out.

import * as ethernet from '../../wire/ethernet.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as pcap from '../../wire/pcap.ts';
import * as pflog from '../../wire/pflog.ts';
import { printEthernet } from './ethernet.ts';
import type { DissectOptions, Frame } from './frame.ts';
import { hexAndCharacters, hexWords } from './hexdump.ts';
import { printIpv4 } from './ipv4.ts';
import { printIpv6 } from './ipv6.ts';
import { printPflog } from './pflog.ts';

export type { DissectOptions } from './frame.ts';

/** Packets within packets are followed this deep. */
const MAXIMUM_DEPTH = 8;

/**
 * The line for the frame in [offset, end) of a capture with this link type (pcap.LINK_*), without time and line break. With -x or
 * -X the lines of the dump follow.
 */
export function dissect(
  linkType: number,
  bytes: Uint8Array,
  offset: number,
  end: number,
  options: DissectOptions,
): string {
  const frame = frameAt(bytes, linkType === pcap.LINK_ETHERNET ? offset : -1, end, options);
  const length = options.wireLength ?? end - offset;
  return printLink(linkType, frame, offset, length) + dump(linkType, frame, offset);
}

function frameAt(bytes: Uint8Array, link: number, end: number, options: DissectOptions): Frame {
  let depth = 0;
  const frame: Frame = {
    bytes,
    end,
    link,
    options,
    inner: (version, at, length) => {
      if (depth === MAXIMUM_DEPTH) return '...';
      depth++;
      const text = version === 4 ? printIpv4(frame, at, length) : printIpv6(frame, at, length);
      depth--;
      return text;
    },
  };
  return frame;
}

function printLink(linkType: number, frame: Frame, offset: number, length: number): string {
  switch (linkType) {
    case pcap.LINK_ETHERNET:
      return printEthernet(frame, offset, length);
    case pcap.LINK_PFLOG:
      return printPflog(frame, offset, length);
    case pcap.LINK_RAW:
      return printRaw(frame, offset, length);
    default:
      return `unknown data link type 0x${linkType.toString(16)}`;
  }
}

/** Bare IP: the version says which. */
function printRaw(frame: Frame, offset: number, length: number): string {
  if (offset >= frame.end) return '[|ip]';
  return ipv6.version(frame.bytes, offset) === 6
    ? printIpv6(frame, offset, length)
    : printIpv4(frame, offset, length);
}

/** Without the link-level header, unless -e asks for an Ethernet one. */
function dump(linkType: number, frame: Frame, offset: number): string {
  const { bytes, end, options } = frame;
  if (options.hex === undefined) return '';
  const from = Math.min(offset + linkHeaderLength(linkType, frame, offset), end);
  return options.hex === 'X' ? hexAndCharacters(bytes, from, end) : hexWords(bytes, from, end);
}

function linkHeaderLength(linkType: number, frame: Frame, offset: number): number {
  if (linkType === pcap.LINK_ETHERNET) return frame.options.ethernet ? 0 : ethernet.HEADER_LENGTH;
  if (linkType === pcap.LINK_PFLOG && pflog.valid(frame.bytes, offset, frame.end)) {
    return pflog.payloadAt(frame.bytes, offset) - offset;
  }
  return 0;
}
