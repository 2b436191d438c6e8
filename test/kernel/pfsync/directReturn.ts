// SPDX-License-Identifier: ISC
//
// Direct Server Return with a router that observes: a client beyond the router, a load balancer and a server (and whoever else sends there)
// on one segment, and pfsync between router and load balancer on a wire of its own.

import assert from 'node:assert/strict';
import type { StateInfo } from '../../../appliance/abi/pf.ts';
import type { Rule } from '../../../appliance/abi/rule.ts';
import * as arp from '../../../appliance/wire/arp.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as pfsync from '../../../appliance/wire/pfsync.ts';
import * as observation from '../../../appliance/wire/pfsyncObservation.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import * as tcpOptions from '../../../appliance/wire/tcpOptions.ts';
import { arpPacket, frame, ip4, type Network, tcpSegment, word4 } from '../../support/packets.ts';
import { type Host, type Station, type Wire, type WireOptions, World } from '../../support/world.ts';
import { loadOf } from '../pf/filter.ts';

export const MILLISECOND = 1000;
export const SECOND = 1_000_000;
export const CLIENT = '198.51.100.9';
export const VIP = '192.0.2.80';
const SERVER = '192.0.2.10';
const CLIENT_LINK = '02:00:00:00:cc:01';
const SERVER_LINK = '02:00:00:00:dd:01';
const ROUTER_OUTSIDE = '02:00:00:00:01:01';
const ROUTER_INSIDE = '02:00:00:00:01:02';
const BALANCER_LINK = '02:00:00:00:02:01';

export interface Segment {
  readonly port?: number;
  readonly flags: number;
  readonly seq: number;
  readonly ack?: number;
  readonly data?: number;
  readonly window?: number;
  readonly scale?: number;
}

/** What a segment says that has arrived. */
export interface Arrived {
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
  readonly data: number;
}

export class DirectReturn {
  readonly world: World;
  readonly router: Host;
  readonly balancer: Host;
  readonly sync: Wire;
  private readonly client: Station;
  private readonly server: Station;

  /** `options` are those of the balancer's state; `observes`: the router has pfsync, too. */
  constructor(
    options = 'sloppy, observed',
    { sync = {}, observes = true, seed = 1 }: { sync?: WireOptions; observes?: boolean; seed?: number } = {},
  ) {
    this.world = new World(seed);
    const outside = this.world.wire();
    const segment = this.world.wire({ switched: true });
    this.sync = this.world.wire(sync);
    this.router = this.machine('router', outside, 'pass\n');
    this.router.connect('vr1', segment);
    this.router.address('vr0', '198.51.100.1/24');
    this.router.address('vr1', '192.0.2.1/24');
    this.router.call('sysctl.set', { name: 'net.inet.ip.forwarding', value: 1 });
    this.balancer = this.machine('balancer', segment, 'anchor "relayd/*"\npass\n');
    for (const address of ['192.0.2.2/24', `${VIP}/32`]) this.balancer.address('vr0', address);
    this.balancer.route('default', '192.0.2.1');
    this.client = this.station('client', outside, CLIENT, CLIENT_LINK);
    this.server = this.station('server', segment, SERVER, SERVER_LINK);
    this.redirect(options);
    for (const host of [this.balancer, ...(observes ? [this.router] : [])]) this.startSync(host);
    this.world.run(12 * SECOND);
    this.sync.take();
  }

  private machine(name: string, wire: Wire, rules: string): Host {
    const host = this.world.host(name);
    host.connect('vr0', wire);
    host.call('pf.load', loadOf(`set skip on vr2\n${rules}`));
    host.call('pf.enable', {});
    return host;
  }

  private startSync(host: Host): void {
    host.connect('vr2', this.sync, { linkAddress: `02:00:00:00:ee:0${host === this.router ? 1 : 2}` });
    host.address('vr2', `10.99.9.${host === this.router ? 1 : 2}/24`);
    host.call('interface.create', { name: 'pfsync0' });
    host.call('pfsync.set', { name: 'pfsync0', syncDevice: 'vr2' });
    host.call('interface.set', { name: 'pfsync0', up: true });
  }

  /** A machine that answers for its address. */
  private station(name: string, wire: Wire, address: string, link: string): Station {
    const station = this.world.station(name, wire);
    station.answer = (bytes) => {
      if (ethernet.type(bytes, 0) !== ethernet.TYPE_ARP || arp.operation(bytes, 14) !== arp.REQUEST) return;
      if (arp.target(bytes, 14) !== word4(address)) return;
      const to = [...bytes.subarray(6, 12)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
      return frame(
        { to, from: link },
        arpPacket(arp.REPLY, { link, address }, { link: to, address: '0.0.0.0' }),
      );
    };
    return station;
  }

  /** What relayd does when the server is up. */
  private redirect(options: string): void {
    const state = `flags any keep state (${options}, tcp.established 600)`;
    const load = loadOf(
      `table <www> persist { ${SERVER} }\npass in quick on vr0 inet proto tcp from any to ${VIP} port = 80 ${state} route-to <www> round-robin\n` +
        `pass out quick inet proto tcp from any to ${VIP} port = 80 no state\n`,
    );
    this.balancer.call('pf.load', {
      dialect: 'openbsd',
      anchors: [{ path: 'relayd/www', rules: load.anchors[0]!.rules as Rule[] }],
      tables: load.tables.map((one) => ({ ...one, anchor: 'relayd/www' })),
    });
  }

  /** Sends as the client; answers what the server got of it. */
  fromClient(segment: Segment): Arrived[] {
    this.client.send(frame({ to: ROUTER_OUTSIDE, from: CLIENT_LINK }, clientSegment(segment)));
    return this.atServer();
  }

  /** The same from a machine on the server segment, past the router. */
  forge(segment: Segment): Arrived[] {
    this.server.send(frame({ to: BALANCER_LINK, from: '02:00:00:00:66:66' }, clientSegment(segment)));
    return this.atServer();
  }

  /** Sends as the server, with the service's address; answers what the client got. */
  fromServer(segment: Segment): Arrived[] {
    this.server.send(frame({ to: ROUTER_INSIDE, from: SERVER_LINK }, tcpPacket(VIP, CLIENT, segment, false)));
    this.world.run(100);
    return arrived(this.client.take());
  }

  private atServer(): Arrived[] {
    this.world.run(100);
    return arrived(this.server.take().filter((bytes) => bytes[4] === 0xdd));
  }

  /** A handshake; the client's ISN is 1000, the server's 5000 unless it is given. */
  connect(port = 1024, options: { window?: number; scale?: number; serverIsn?: number } = {}): void {
    const { window = 0xffff, scale = 7, serverIsn = 5000 } = options;
    const syn = { flags: tcp.FLAG_SYN, window, scale };
    assert.equal(this.fromClient({ ...syn, port, seq: 1000 }).length, 1, 'SYN');
    const answer = { ...syn, port, flags: tcp.FLAG_SYN | tcp.FLAG_ACK, seq: serverIsn, ack: 1001 };
    assert.equal(this.fromServer(answer).length, 1, 'SYN+ACK');
    const ack = { port, flags: tcp.FLAG_ACK, seq: 1001, ack: (serverIsn + 1) >>> 0, window: 512 };
    assert.equal(this.fromClient(ack).length, 1, 'ACK');
  }

  /** The balancer's states of the service. */
  states(): readonly StateInfo[] {
    const { items } = this.balancer.call('pf.states', { cursor: 0 });
    return items.filter((one) => one.anchor === 'relayd/www');
  }

  /** What relayd's rule has counted. */
  cost() {
    const [rule] = this.balancer.call('pf.rules', { anchor: 'relayd/www', cursor: 0 }).items;
    return rule?.counters.observed;
  }

  /** Observations of flows that went over the wire since the last time. */
  observations(): number {
    return this.sync.take().filter(isObservation).length;
  }
}

/** Whether a frame is pfsync's and tells of a flow; such a message is alone in its packet. */
export function isObservation(bytes: Uint8Array): boolean {
  const at = ethernet.HEADER_LENGTH;
  if (ethernet.type(bytes, 0) !== ethernet.TYPE_IPV4) return false;
  if (ipv4.protocol(bytes, at) !== ipv4.PROTOCOL_PFSYNC) return false;
  const section = ipv4.payloadAt(bytes, at) + pfsync.HEADER_LENGTH;
  return (
    pfsync.action(bytes, section) === pfsync.ACTION_OBSERVATION &&
    observation.family(bytes, section + pfsync.SECTION_LENGTH) !== 0
  );
}

function clientSegment(segment: Segment): Network {
  return tcpPacket(CLIENT, VIP, segment, true);
}

function tcpPacket(source: string, destination: string, segment: Segment, isClient: boolean): Network {
  const { port = 1024, flags, seq, ack = 0, data = 0, window = 512, scale } = segment;
  const [from, to] = isClient ? [port, 80] : [80, port];
  const options = new Uint8Array(scale === undefined ? 0 : 4);
  if (scale !== undefined) tcpOptions.writeWindowScale(options, 0, scale);
  const header = { from, to, sequence: seq, acknowledgment: ack, flags, window, options };
  return ip4({ source, destination }, tcpSegment(header, data));
}

function arrived(frames: readonly Uint8Array[]): Arrived[] {
  return frames.flatMap((bytes) => {
    const at = ethernet.HEADER_LENGTH;
    if (ethernet.type(bytes, 0) !== ethernet.TYPE_IPV4) return [];
    if (ipv4.protocol(bytes, at) !== ipv4.PROTOCOL_TCP) return [];
    const header = ipv4.payloadAt(bytes, at);
    const end = at + ipv4.totalLength(bytes, at);
    return [
      {
        flags: tcp.flags(bytes, header),
        seq: tcp.sequence(bytes, header),
        ack: tcp.acknowledgment(bytes, header),
        data: end - tcp.payloadAt(bytes, header),
      },
    ];
  });
}
