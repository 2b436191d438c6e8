// SPDX-License-Identifier: ISC
//
// The smallest network that forwards IPv6: a kernel with two interfaces, and a station on either side that is its neighbour.

import type { SysctlName } from '../../../appliance/abi/system.ts';
import * as fragment6 from '../../../appliance/wire/fragment6.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import type { SegmentOptions } from '../../../drivers/memory.ts';
import { type Data, data, frame, type Network, type Transport } from '../../support/packets.ts';
import { type Host, type SegmentNotes, type Station, type Wire, World } from '../../support/world.ts';
import { answers, solicitation, solicitedNode } from './messages.ts';

/** The kernel is 2001:db8:1::1 and 2001:db8:2::1; the stations have host number 9. */
export const LEFT = '2001:db8:1::9';
export const LEFT_OWN = '2001:db8:1::1';
export const RIGHT = '2001:db8:2::9';
export const RIGHT_OWN = '2001:db8:2::1';
/** Ethernet addresses of the stations, and of the kernel's interfaces, with the link-local addresses that follow. */
export const LEFT_LINK = '02:00:00:00:aa:09';
export const RIGHT_LINK = '02:00:00:00:bb:09';
export const VR0_LINK = '02:00:00:00:01:01';
export const VR1_LINK = '02:00:00:00:01:02';
export const LEFT_LOCAL = 'fe80::ff:fe00:aa09';
export const RIGHT_LOCAL = 'fe80::ff:fe00:bb09';
export const VR0_LOCAL = 'fe80::ff:fe00:101';
export const VR1_LOCAL = 'fe80::ff:fe00:102';

export const SECOND = 1_000_000;

export class Router6 {
  readonly world = new World();
  readonly host: Host;
  readonly leftWire: Wire;
  readonly rightWire: Wire;
  readonly left: Station;
  readonly right: Station;

  constructor(
    options: {
      wire?: Omit<SegmentOptions, 'clock' | 'capture'>;
      rightMtu?: number;
      forwarding?: boolean;
    } = {},
  ) {
    this.leftWire = this.world.wire(options.wire);
    this.rightWire = this.world.wire(options.wire);
    this.left = this.world.station('left', this.leftWire);
    this.right = this.world.station('right', this.rightWire);
    this.host = this.world.host('router');
    this.host.connect('vr0', this.leftWire, { linkAddress: VR0_LINK });
    this.host.connect('vr1', this.rightWire, { linkAddress: VR1_LINK, mtu: options.rightMtu ?? 1500 });
    this.host.address('vr0', `${LEFT_OWN}/64`);
    this.host.address('vr1', `${RIGHT_OWN}/64`);
    this.set('net.inet6.ip6.forwarding', options.forwarding === false ? 0 : 1);
    answers(this.left, LEFT_LINK, [LEFT, LEFT_LOCAL]);
    answers(this.right, RIGHT_LINK, [RIGHT, RIGHT_LOCAL]);
    this.world.run(5 * SECOND);
    this.forget();
  }

  set(name: SysctlName, value: number): void {
    this.host.call('sysctl.set', { name, value });
  }

  /** What was said so far does not count. */
  forget(): void {
    this.left.take();
    this.right.take();
    this.leftWire.take();
    this.rightWire.take();
    this.host.moved();
    this.host.events.length = 0;
  }

  /** Both stations ask for the kernel, which learns them by that, and their link-local addresses too. */
  introduce(): this {
    for (const source of [LEFT, LEFT_LOCAL]) this.left.send(asking(LEFT_LINK, source, LEFT_OWN));
    for (const source of [RIGHT, RIGHT_LOCAL]) this.right.send(asking(RIGHT_LINK, source, RIGHT_OWN));
    this.world.run(1000);
    this.forget();
    return this;
  }

  /** The left station sends this to the kernel; answers what came out on either side soon after. */
  fromLeft(network: Network, notes: SegmentNotes = {}): { left: Uint8Array[]; right: Uint8Array[] } {
    return this.inject(frame({ to: VR0_LINK, from: LEFT_LINK }, network), notes);
  }

  /** As `fromLeft`, a whole frame. */
  inject(bytes: Uint8Array, notes: SegmentNotes = {}): { left: Uint8Array[]; right: Uint8Array[] } {
    this.left.send(bytes, notes);
    this.world.run(1000);
    return { left: this.left.take(), right: this.right.take() };
  }
}

function asking(link: string, source: string, target: string): Uint8Array {
  return solicitation({ link, source, destination: solicitedNode(target), target, option: link });
}

/** A frame as the kernel sends it to the right station, or to the left one. */
export function toRight(network: Network): Uint8Array {
  return frame({ to: RIGHT_LINK, from: VR1_LINK }, network);
}

export function toLeft(network: Network): Uint8Array {
  return frame({ to: LEFT_LINK, from: VR0_LINK }, network);
}

/** An extension header of `protocol` in front of something: its bytes from the second on, a multiple of eight less one. */
export function extension(protocol: number, rest: readonly number[], inner: Transport): Transport {
  const length = 1 + rest.length;
  return {
    protocol,
    length: length + inner.length,
    write: (into, at, network, family) => {
      into[at] = inner.protocol;
      into.set(rest, at + 1);
      inner.write(into, at + length, network, family);
    },
  };
}

/** A fragment: `position` and the data in bytes; `next` is what the datagram carries. */
export function fragment(next: number, position: number, more: boolean, id: number, from: Data): Transport {
  const bytes = data(from);
  return {
    protocol: ipv6.NEXT_FRAGMENT,
    length: fragment6.HEADER_LENGTH + bytes.length,
    write: (into, at) => {
      fragment6.write(into, at, next, position, more, id);
      into.set(bytes, at + fragment6.HEADER_LENGTH);
    },
  };
}
