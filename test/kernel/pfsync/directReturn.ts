// SPDX-License-Identifier: ISC
//
// Direct Server Return with a router that observes: a client beyond the router, a load balancer and a server (and whoever else sends there)
// on one segment, and pfsync between router and load balancer on a wire of its own. As a pair there are two of either; client, server and
// whichever router forwards use one of each at a time.

import assert from 'node:assert/strict';
import { parseLinkAddress } from '../../../appliance/abi/addressText.ts';
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
/** Ends of the machines' Ethernet addresses: the first's, and for a pair the second's. */
const NUMBERS = ['01', '02'] as const;
const outsideLink = (which: number) => `02:00:00:00:01:${NUMBERS[which]}`;
const insideLink = (which: number) => `02:00:00:00:02:${NUMBERS[which]}`;
const balancerLink = (which: number) => `02:00:00:00:03:${NUMBERS[which]}`;

export interface Segment {
  /** The client's address, if it is another one; nobody listens there. */
  readonly client?: string;
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
  readonly routers: readonly Host[];
  readonly balancers: readonly Host[];
  readonly sync: Wire;
  /** Which of them is used. */
  private routing = 0;
  private balancing = 0;
  private readonly client: Station;
  private readonly server: Station;
  /** The redirection's. */
  private readonly rule: string;
  /** Main rulesets. */
  private readonly rulesets = new Map<Host, string>();
  private boots = 0;

  /**
   * `options` are those of the balancer's state; `target`: where its rule leads; `observes`: the router has pfsync, too; `limit`: states that
   * a balancer has at most.
   */
  constructor(
    options = 'sloppy, observed',
    {
      sync = {},
      observes = true,
      seed = 1,
      pair = false,
      limit = 100_000,
      target = 'route-to <www> round-robin',
    }: {
      sync?: WireOptions;
      observes?: boolean;
      seed?: number;
      pair?: boolean;
      limit?: number;
      target?: string;
    } = {},
  ) {
    this.rule = `pass in quick on vr0 inet proto tcp from any to ${VIP} port = 80 flags any keep state (${options}, tcp.established 600) ${target}`;
    this.world = new World(seed);
    const outside = this.world.wire();
    const segment = this.world.wire({ switched: true });
    this.sync = this.world.wire(sync);
    const places = pair ? [0, 1] : [0];
    this.routers = places.map((which) => this.makeRouter(which, outside, segment));
    this.balancers = places.map((which) => this.makeBalancer(which, segment, limit));
    this.client = this.station('client', outside, CLIENT, CLIENT_LINK);
    this.server = this.station('server', segment, SERVER, SERVER_LINK);
    const synced = [...this.balancers, ...(observes ? this.routers : [])];
    synced.forEach((host, i) => {
      this.startSync(host, i + 1);
    });
    this.balanceBy(0);
    this.world.run(12 * SECOND);
    this.sync.take();
  }

  /** The one that is used. */
  get router(): Host {
    return this.routers[this.routing]!;
  }

  get balancer(): Host {
    return this.balancers[this.balancing]!;
  }

  /** From now on client and server send to this router. */
  routeBy(which: number): void {
    this.routing = which;
  }

  /** From now on routers send what is for the service to this balancer. */
  balanceBy(which: number): void {
    this.balancing = which;
    const linkAddress = parseLinkAddress(balancerLink(which))!;
    const address = { family: 4, words: [word4(VIP)] } as const;
    for (const router of this.routers) router.call('neighbor.set', { address, linkAddress });
  }

  private makeRouter(which: number, outside: Wire, segment: Wire): Host {
    const router = this.machine(`router${which}`, 'pass\n');
    router.connect('vr0', outside, { linkAddress: outsideLink(which) });
    router.connect('vr1', segment, { linkAddress: insideLink(which) });
    router.address('vr0', `198.51.100.${1 + which}/24`);
    router.address('vr1', `192.0.2.${which === 0 ? 1 : 3}/24`);
    router.call('sysctl.set', { name: 'net.inet.ip.forwarding', value: 1 });
    return router;
  }

  private makeBalancer(which: number, segment: Wire, limit: number): Host {
    const rules = `set limit states ${limit}\nanchor "relayd/*"\npass\n`;
    const balancer = this.machine(`balancer${which}`, rules);
    balancer.connect('vr0', segment, { linkAddress: balancerLink(which) });
    for (const address of [`192.0.2.${which === 0 ? 2 : 4}/24`, `${VIP}/32`])
      balancer.address('vr0', address);
    balancer.route('default', '192.0.2.1');
    this.redirect(balancer);
    return balancer;
  }

  /** What relayd does when the server is up. */
  redirect(balancer: Host): void {
    const load = loadOf(
      `table <www> persist { ${SERVER} }\n${this.rule}\n` +
        `pass out quick inet proto tcp from any to ${VIP} port = 80 no state\n`,
    );
    balancer.call('pf.load', {
      dialect: 'openbsd',
      anchors: [{ path: 'relayd/www', rules: load.anchors[0]!.rules as Rule[] }],
      tables: load.tables.map((one) => ({ ...one, anchor: 'relayd/www' })),
    });
  }

  /** A machine ends: it is heard no more, and has lost its states and relayd's rules. */
  end(host: Host): void {
    host.call('interface.set', { name: 'pfsync0', up: false });
    host.call('pf.load', { dialect: 'openbsd', anchors: [{ path: 'relayd/www', rules: [] }], tables: [] });
    host.call('pf.killStates', { cursor: 0, filter: {} });
    // The next boot draws another one.
    const main = this.rulesets.get(host)!;
    host.call('pf.load', loadOf(`set hostid ${++this.boots}\n${main}`));
  }

  /** It is back; relayd has not checked anything yet. */
  boot(host: Host): void {
    host.call('interface.set', { name: 'pfsync0', up: true });
    this.world.run(2 * SECOND);
  }

  private machine(name: string, rules: string): Host {
    const host = this.world.host(name);
    const main = `set skip on vr2\n${rules}`;
    this.rulesets.set(host, main);
    host.call('pf.load', loadOf(main));
    host.call('pf.enable', {});
    return host;
  }

  private startSync(host: Host, number: number): void {
    host.connect('vr2', this.sync, { linkAddress: `02:00:00:00:ee:0${number}` });
    host.address('vr2', `10.99.9.${number}/24`);
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

  /** Sends as the client; answers what the server got of it. */
  fromClient(segment: Segment): Arrived[] {
    this.client.send(frame({ to: outsideLink(this.routing), from: CLIENT_LINK }, clientSegment(segment)));
    return this.atServer();
  }

  /** The same from a machine on the server segment, past the router. */
  forge(segment: Segment): Arrived[] {
    this.server.send(
      frame({ to: balancerLink(this.balancing), from: '02:00:00:00:66:66' }, clientSegment(segment)),
    );
    return this.atServer();
  }

  /** Sends as the server, with the service's address; answers what the client got. */
  fromServer(segment: Segment): Arrived[] {
    this.server.send(frame({ to: insideLink(this.routing), from: SERVER_LINK }, tcpPacket(segment, false)));
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
  return tcpPacket(segment, true);
}

function tcpPacket(segment: Segment, isClient: boolean): Network {
  const { client = CLIENT, port = 1024, flags, seq, ack = 0, data = 0, window = 512, scale } = segment;
  const [from, to] = isClient ? [port, 80] : [80, port];
  const options = new Uint8Array(scale === undefined ? 0 : 4);
  if (scale !== undefined) tcpOptions.writeWindowScale(options, 0, scale);
  const header = { from, to, sequence: seq, acknowledgment: ack, flags, window, options };
  const [source, destination] = isClient ? [client, VIP] : [VIP, client];
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
