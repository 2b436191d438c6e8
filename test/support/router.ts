// SPDX-License-Identifier: ISC
//
// The smallest network that forwards: a kernel with two interfaces, a station on either side that it knows by ARP.

import * as arp from '../../appliance/wire/arp.ts';
import { arpPacket, frame, type Network } from './packets.ts';
import { type Host, type SegmentNotes, type Station, type Wire, type WireOptions, World } from './world.ts';

/** The kernel is 192.0.2.1 and 198.51.100.1; the stations have host number 9. */
export const LEFT = '192.0.2.9';
export const LEFT_OWN = '192.0.2.1';
export const RIGHT = '198.51.100.9';
export const RIGHT_OWN = '198.51.100.1';
/** Ethernet addresses of the stations, and of the kernel's interfaces. */
export const LEFT_LINK = '02:00:00:00:aa:09';
export const RIGHT_LINK = '02:00:00:00:bb:09';
export const VR0_LINK = '02:00:00:00:01:01';
export const VR1_LINK = '02:00:00:00:01:02';

export class Router {
  readonly world: World;
  readonly host: Host;
  readonly leftWire: Wire;
  readonly rightWire: Wire;
  readonly left: Station;
  readonly right: Station;

  constructor(left: WireOptions = {}, right: WireOptions = left) {
    this.world = new World();
    this.leftWire = this.world.wire(left);
    this.rightWire = this.world.wire(right);
    this.left = this.world.station('left', this.leftWire);
    this.right = this.world.station('right', this.rightWire);
    this.host = this.world.host('router');
    this.host.connect('vr0', this.leftWire, { linkAddress: VR0_LINK, mtu: left.mtu ?? 1500 });
    this.host.connect('vr1', this.rightWire, { linkAddress: VR1_LINK, mtu: right.mtu ?? 1500 });
    this.host.address('vr0', `${LEFT_OWN}/24`);
    this.host.address('vr1', `${RIGHT_OWN}/24`);
    this.host.call('sysctl.set', { name: 'net.inet.ip.forwarding', value: 1 });
    this.world.run(5_000_000);
    this.introduce();
  }

  /** Both stations ask for the kernel, which learns them by that. Then everyone forgets what was said. */
  introduce(): void {
    this.left.send(
      frame(
        { to: 'ff:ff:ff:ff:ff:ff', from: LEFT_LINK },
        arpPacket(arp.REQUEST, { link: LEFT_LINK, address: LEFT }, { address: LEFT_OWN }),
      ),
    );
    this.right.send(
      frame(
        { to: 'ff:ff:ff:ff:ff:ff', from: RIGHT_LINK },
        arpPacket(arp.REQUEST, { link: RIGHT_LINK, address: RIGHT }, { address: RIGHT_OWN }),
      ),
    );
    this.world.run(1000);
    this.left.take();
    this.right.take();
    this.host.moved();
    this.host.events.length = 0;
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

/** A frame as the kernel sends it to the right station, or to the left one. */
export function toRight(network: Network): Uint8Array {
  return frame({ to: RIGHT_LINK, from: VR1_LINK }, network);
}

export function toLeft(network: Network): Uint8Array {
  return frame({ to: LEFT_LINK, from: VR0_LINK }, network);
}
