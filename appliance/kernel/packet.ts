// SPDX-License-Identifier: ISC
//
// The packet: one reusable byte array with offsets into it, the device's notes on it, and pf's marks. A frame is received,
// processed and transmitted before the next one; whoever keeps it longer copies the bytes into storage with a bound.

/** Room in front of a received frame, for a vlan tag or a longer header; keeps the IP header on a multiple of four. */
export const HEADROOM = 66;

/** The largest frame: 64 KiB of IP in one large segment, its Ethernet header with a tag, rounded up. */
export const MAXIMUM_FRAME = 65_600;

const SLOT = HEADROOM + MAXIMUM_FRAME + 6;

/** gsoType: what a large segment is cut into (virtio_net names). */
export const GSO_NONE = 0;
export const GSO_TCP4 = 1;
export const GSO_TCP6 = 4;
export const GSO_UDP = 5;
/** Added to gsoType when the segments carry ECN's CWR. */
export const GSO_ECN = 0x80;

/** An address and port of this machine. */
export interface LocalEnd {
  readonly words: Int32Array;
  readonly port: number;
}

export class Packet {
  readonly bytes: Uint8Array = new Uint8Array(SLOT);

  /** Offsets into `bytes`: Ethernet header, IP header, transport header, end of the frame (without padding once IP has seen it). */
  link = HEADROOM;
  network = 0;
  transport = 0;
  end = HEADROOM;

  /** 4 or 6 once IP has seen it, else 0; and the transport protocol (behind IPv6 extension headers). */
  family = 0;
  protocol = 0;

  /** The transport checksum holds only the folded pseudo-header sum; `checksumField` is its absolute offset. */
  needsChecksum = false;
  /** Absolute offset where the sum begins (the transport header). */
  checksumStart = 0;
  checksumField = 0;
  /** The device has verified the transport checksum. */
  checksumVerified = false;
  /** GSO_NONE, or how this large segment is to be cut, with the payload bytes of each piece. */
  gsoType = GSO_NONE;
  segmentSize = 0;

  /** Index of the interface it arrived on, 0 for the kernel's own. */
  receivedOn = 0;
  /**
   * IPv6: index of the interface on whose link link-local and multicast addresses of this packet are meant (its zone, RFC 4007).
   * Input sets it; who sends to such an address says it here, 0 says nothing.
   */
  scope = 0;
  /** It came (or goes) as a link-level broadcast or multicast: no ICMP error may answer it (RFC 1122 3.2.2). */
  linkBroadcast = false;
  linkMulticast = false;

  /** pf's marks: made by pf itself and not to be filtered, tag number, routing table, state, count of route-to hops. */
  generated = false;
  tag = 0;
  rtable = 0;
  state = -1;
  routed = 0;
  /** pf: it is for whoever listens there (divert-to), whatever its destination. */
  divertedTo: LocalEnd | undefined = undefined;
  /** Largest fragment seen when pf or IP put this datagram together; 0 when it was whole. It leaves in such pieces. */
  fragmentSize = 0;

  /** Forgets everything about the last frame but its bytes; the next one starts at HEADROOM. */
  reset(): void {
    this.link = HEADROOM;
    this.network = 0;
    this.transport = 0;
    this.end = HEADROOM;
    this.family = 0;
    this.protocol = 0;
    this.receivedOn = 0;
    this.scope = 0;
    this.linkBroadcast = false;
    this.linkMulticast = false;
    this.clearOffload();
    this.clearMarks();
  }

  /** An ordinary frame with a finished checksum. */
  clearOffload(): void {
    this.needsChecksum = false;
    this.checksumStart = 0;
    this.checksumField = 0;
    this.checksumVerified = false;
    this.gsoType = GSO_NONE;
    this.segmentSize = 0;
  }

  clearMarks(): void {
    this.generated = false;
    this.tag = 0;
    this.rtable = 0;
    this.state = -1;
    this.routed = 0;
    this.divertedTo = undefined;
    this.fragmentSize = 0;
  }

  /** Takes over bytes (from `link` on) and all notes of another packet. */
  copyFrom(other: Packet): void {
    this.bytes.set(other.bytes.subarray(other.link, other.end), other.link);
    this.copyNotes(other);
  }

  /** Takes over everything of another packet but its bytes. */
  copyNotes(other: Packet): void {
    this.link = other.link;
    this.network = other.network;
    this.transport = other.transport;
    this.end = other.end;
    this.family = other.family;
    this.protocol = other.protocol;
    this.needsChecksum = other.needsChecksum;
    this.checksumStart = other.checksumStart;
    this.checksumField = other.checksumField;
    this.checksumVerified = other.checksumVerified;
    this.gsoType = other.gsoType;
    this.segmentSize = other.segmentSize;
    this.receivedOn = other.receivedOn;
    this.scope = other.scope;
    this.linkBroadcast = other.linkBroadcast;
    this.linkMulticast = other.linkMulticast;
    this.generated = other.generated;
    this.tag = other.tag;
    this.rtable = other.rtable;
    this.state = other.state;
    this.routed = other.routed;
    this.divertedTo = other.divertedTo;
    this.fragmentSize = other.fragmentSize;
  }
}

/**
 * Packets that the kernel makes itself: taken, filled, sent, given back in the same call. The depth of nesting is that of
 * the code (an error about a reply about …), so a handful suffices and the pool never shrinks.
 */
export class PacketPool {
  private readonly free: Packet[] = [];

  /** An empty packet with `network` where the IP header goes (16 bytes of link header may be put in front). */
  take(): Packet {
    const packet = this.free.pop() ?? new Packet();
    packet.reset();
    packet.network = HEADROOM + 14;
    packet.end = packet.network;
    return packet;
  }

  give(packet: Packet): void {
    this.free.push(packet);
  }
}
