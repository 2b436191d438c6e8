// SPDX-License-Identifier: ISC
//
// Linux TAP devices with segmentation offload: frames with a virtio header in front, unfinished checksums, segments of up to 64 KiB.

import {
  type Capabilities,
  NO_CARRIER,
  type Outcome,
  type PolledDevice,
  QUEUE_FULL,
  REFUSED,
  TRANSMITTED,
} from '../appliance/kernel/device.ts';
import { GSO_ECN, GSO_NONE, HEADROOM, MAXIMUM_FRAME, type Packet } from '../appliance/kernel/packet.ts';
import * as tcp from '../appliance/wire/tcp.ts';
import * as udp from '../appliance/wire/udp.ts';
import * as vnet from '../appliance/wire/vnet.ts';
import * as libc from './libc.ts';

const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCSIFMTU = 0x8922;
const SIOCGIFINDEX = 0x8933;
const SIOCBRADDIF = 0x89a2;

const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFF_UP = 0x1;

const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
const TUN_F_TSO_ECN = 0x08;
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;

/** struct ifreq: a name of 16 bytes, then the argument. */
const IFREQ_LENGTH = 40;
const IFREQ_ARGUMENT = 16;
const NAME_LENGTH = 15;

/** Where a frame is read to, so that it starts at HEADROOM behind its virtio header. */
const READ_AT = HEADROOM - vnet.HEADER_LENGTH;

/** A TAP that has been opened; descriptors are the process's, so another thread may drive it. */
export interface OpenTap {
  readonly name: string;
  readonly descriptor: number;
  readonly uso: boolean;
}

export class TapError extends Error {}

/**
 * Makes (or takes over) the TAP of that name in this network namespace, sets its MTU and sets it up; with `bridge` it joins that
 * bridge. Throws TapError with a sentence that says what is missing.
 */
export function openTap(name: string, options: { readonly mtu: number; readonly bridge?: string }): OpenTap {
  if (name.length === 0 || name.length > NAME_LENGTH) {
    throw new TapError(`'${name}' is no name for a TAP: 1 to ${NAME_LENGTH} characters.`);
  }
  const descriptor = libc.open('/dev/net/tun', libc.O_RDWR | libc.O_NONBLOCK | libc.O_CLOEXEC);
  if (descriptor < 0) throw new TapError(whyNotOpened(libc.errno()));
  const request = ifreq(name);
  request[IFREQ_ARGUMENT] = (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR) & 0xff;
  request[IFREQ_ARGUMENT + 1] = (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR) >> 8;
  if (libc.ioctl(descriptor, TUNSETIFF, request) < 0)
    throw new TapError(whyNotMade(name, libc.errno(), descriptor));
  const header = new Uint8Array([vnet.HEADER_LENGTH, 0, 0, 0]);
  if (libc.ioctl(descriptor, TUNSETVNETHDRSZ, header) < 0) throw failed(name, 'TUNSETVNETHDRSZ', descriptor);
  const uso = setOffloads(name, descriptor);
  configure(name, options.mtu, options.bridge);
  return { name, descriptor, uso };
}

/** Checksums and TCP segmentation always; UDP segmentation where the host has it (Linux 6.2). */
function setOffloads(name: string, descriptor: number): boolean {
  const tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  if (libc.ioctlValue(descriptor, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) === 0) return true;
  if (libc.ioctlValue(descriptor, TUNSETOFFLOAD, tcp) < 0) throw failed(name, 'TUNSETOFFLOAD', descriptor);
  return false;
}

/** The host's side: MTU, bridge, up. */
function configure(name: string, mtu: number, bridge: string | undefined): void {
  const control = libc.socket(libc.AF_INET, libc.SOCK_DGRAM | libc.O_CLOEXEC, 0);
  try {
    setNumber(control, SIOCSIFMTU, name, mtu, 'setting the MTU of');
    if (bridge !== undefined) join(control, name, bridge);
    const flags = ifreq(name);
    if (libc.ioctl(control, SIOCGIFFLAGS, flags) < 0) throw failed(name, 'SIOCGIFFLAGS');
    flags[IFREQ_ARGUMENT] = flags[IFREQ_ARGUMENT]! | IFF_UP;
    if (libc.ioctl(control, SIOCSIFFLAGS, flags) < 0) throw failed(name, 'setting up');
  } finally {
    libc.close(control);
  }
}

function join(control: number, name: string, bridge: string): void {
  const request = ifreq(name);
  if (libc.ioctl(control, SIOCGIFINDEX, request) < 0) throw failed(name, 'SIOCGIFINDEX');
  const index = new DataView(request.buffer).getInt32(IFREQ_ARGUMENT, true);
  try {
    setNumber(control, SIOCBRADDIF, bridge, index, 'joining');
  } catch (error) {
    throw new TapError(
      `${name}: cannot join bridge ${bridge}; it must exist (ip link add ${bridge} type bridge).`,
      {
        cause: error,
      },
    );
  }
}

function setNumber(control: number, request: number, name: string, value: number, what: string): void {
  const argument = ifreq(name);
  new DataView(argument.buffer).setInt32(IFREQ_ARGUMENT, value, true);
  if (libc.ioctl(control, request, argument) < 0) throw failed(name, what);
}

function ifreq(name: string): Uint8Array {
  const request = new Uint8Array(IFREQ_LENGTH);
  for (let i = 0; i < Math.min(name.length, NAME_LENGTH); i++) request[i] = name.charCodeAt(i);
  return request;
}

function failed(name: string, what: string, descriptor?: number): TapError {
  const error = libc.errno();
  if (descriptor !== undefined) libc.close(descriptor);
  return new TapError(`${name}: ${what} failed: ${libc.describeError(error)}`);
}

function whyNotOpened(error: number): string {
  if (error === 2) {
    return '/dev/net/tun does not exist (as root: modprobe tun, or give the container the device).';
  }
  return `/dev/net/tun cannot be opened: ${libc.describeError(error)} (as root: chmod 0666 /dev/net/tun, or run as root).`;
}

function whyNotMade(name: string, error: number, descriptor: number): string {
  libc.close(descriptor);
  if (error === 1) {
    return `${name}: making a TAP needs CAP_NET_ADMIN in this network namespace (run as root, or under unshare --user --map-root-user --net).`;
  }
  if (error === 16) return `${name}: another program has this TAP open.`;
  return `${name}: making the TAP failed: ${libc.describeError(error)}`;
}

/** Addresses of the packets' memory; a packet is used for ever, so is its entry. */
const addresses = new WeakMap<Uint8Array, number>();
let lastBytes: Uint8Array | undefined;
let lastAddress = 0;

function addressOf(bytes: Uint8Array): number {
  if (bytes === lastBytes) return lastAddress;
  let address = addresses.get(bytes);
  if (address === undefined) {
    address = libc.addressOf(bytes);
    addresses.set(bytes, address);
  }
  lastBytes = bytes;
  lastAddress = address;
  return address;
}

export class TapDevice implements PolledDevice {
  readonly descriptor: number;
  readonly capabilities: Capabilities;
  /** Frames that came with a header that contradicts them, and that the host found inconsistent: the latter is a bug of ours. */
  malformed = 0;
  refused = 0;

  constructor(tap: OpenTap) {
    this.descriptor = tap.descriptor;
    this.capabilities = { checksum: true, tso4: true, tso6: true, uso: tap.uso };
  }

  receive(packet: Packet): boolean {
    for (;;) {
      const length = libc.read(
        this.descriptor,
        addressOf(packet.bytes) + READ_AT,
        vnet.HEADER_LENGTH + MAXIMUM_FRAME,
      );
      if (length <= 0) return false;
      packet.reset();
      packet.end = READ_AT + length;
      if (length >= vnet.HEADER_LENGTH && readOffload(packet)) return true;
      this.malformed++;
    }
  }

  transmit(packet: Packet): Outcome {
    const at = packet.link - vnet.HEADER_LENGTH;
    writeOffload(packet, at);
    const written = libc.write(this.descriptor, addressOf(packet.bytes) + at, packet.end - at);
    if (written >= 0) return TRANSMITTED;
    switch (libc.errno()) {
      case libc.EAGAIN:
      case libc.ENOBUFS:
        return QUEUE_FULL;
      case libc.EIO:
        return NO_CARRIER;
      default:
        this.refused++;
        return REFUSED;
    }
  }

  close(): void {
    libc.close(this.descriptor);
  }
}

/** Notes what the virtio header says of the frame behind it; false when it points outside the frame. */
function readOffload(packet: Packet): boolean {
  const { bytes } = packet;
  const flags = vnet.flags(bytes, READ_AT);
  packet.checksumVerified = (flags & vnet.FLAG_DATA_VALID) !== 0;
  const gsoType = vnet.gsoType(bytes, READ_AT);
  if ((flags & vnet.FLAG_NEEDS_CSUM) === 0) return gsoType === vnet.GSO_NONE;
  packet.checksumStart = packet.link + vnet.checksumStart(bytes, READ_AT);
  packet.checksumField = packet.checksumStart + vnet.checksumOffset(bytes, READ_AT);
  if (packet.checksumField + 2 > packet.end) return false;
  packet.needsChecksum = true;
  if (gsoType === vnet.GSO_NONE) return true;
  packet.gsoType = gsoType;
  packet.segmentSize = vnet.segmentSize(bytes, READ_AT);
  const known = gsoType & ~GSO_ECN;
  const isKnown = known === vnet.GSO_TCP4 || known === vnet.GSO_TCP6 || known === vnet.GSO_UDP_L4;
  return isKnown && packet.segmentSize > 0 && packet.checksumStart + tcp.HEADER_LENGTH <= packet.end;
}

function writeOffload(packet: Packet, at: number): void {
  const { bytes } = packet;
  if (!packet.needsChecksum) return vnet.writePlain(bytes, at);
  const start = packet.checksumStart - packet.link;
  const field = packet.checksumField - packet.checksumStart;
  if (packet.gsoType === GSO_NONE) {
    vnet.write(bytes, at, vnet.FLAG_NEEDS_CSUM, vnet.GSO_NONE, 0, 0, start, field);
    return;
  }
  const isUdp = (packet.gsoType & ~GSO_ECN) === vnet.GSO_UDP_L4;
  const transportHeader = isUdp ? udp.HEADER_LENGTH : tcp.headerLength(bytes, packet.checksumStart);
  vnet.write(
    bytes,
    at,
    vnet.FLAG_NEEDS_CSUM,
    packet.gsoType,
    start + transportHeader,
    packet.segmentSize,
    start,
    field,
  );
}
