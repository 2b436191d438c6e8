// SPDX-License-Identifier: ISC
//
// Conversations between a kernel's TCP and a peer that the test plays, written down as tcpdump(8) would print them.
//
//   call connect | listen | send 100 | send "text" | shutdown | close | abort | pause | read | noDelay | keepAlive | hops 9
//   > S. 0:0 ack 1 win 65535 <mss 1460,sackOK>     the kernel sends exactly this next (window and options only if written)
//   < . 1 ack 1 win 4000 <sack 101-201> "text"     the peer sends; `len 100` in place of text sends that many bytes
//   wait 200                                       milliseconds pass
//   nothing                                        the kernel has said nothing more
//   ! accepted | connected | fin | closed | closed ECONNRESET
//   = ESTABLISHED                                  state of the connection; CLOSED when it is gone
//   received 300                                   bytes the user has got in all
//
// Sequence numbers count from each side's SYN. The kernel is 192.0.2.1, the peer 192.0.2.9; port 80 is the listener's.

import assert from 'node:assert/strict';
import type { Capabilities } from '../../../appliance/kernel/device.ts';
import { GSO_TCP4 } from '../../../appliance/kernel/packet.ts';
import * as arp from '../../../appliance/wire/arp.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import * as tcpOptions from '../../../appliance/wire/tcpOptions.ts';
import { NO_OFFLOADS } from '../../../drivers/memory.ts';
import { arpPacket, type Data, data, frame, icmpMessage, ip4, tcpSegment } from '../../support/packets.ts';
import { type Host, type SegmentNotes, type Station, World } from '../../support/world.ts';
import { endpoint } from './userland.ts';

const KERNEL = '192.0.2.1';
const PEER = '192.0.2.9';
const KERNEL_LINK = '02:00:00:00:01:01';
const PEER_LINK = '02:00:00:00:aa:09';
const SERVICE = 80;
const PEER_PORT = 5000;

const FLAGS: readonly (readonly [string, number])[] = [
  ['F', tcp.FLAG_FIN],
  ['S', tcp.FLAG_SYN],
  ['R', tcp.FLAG_RST],
  ['P', tcp.FLAG_PSH],
  ['U', tcp.FLAG_URG],
  ['.', tcp.FLAG_ACK],
];

const LINE = /^([FSRPU.]+) (-?\d+)(?: ack (-?\d+))?(?: win (\d+))?(?: <(.*)>)?(?: (?:"(.*)"|len (\d+)))?$/;

/** One side of the wire in the hands of a test. */
export class Conversation {
  readonly world = new World();
  readonly host: Host;
  private readonly station: Station;
  private listener = 0;
  user = 0;
  private readonly events: string[] = [];
  received = 0;
  private unread = 0;
  private reading = true;
  private readonly peerStart: number;
  private kernelStart: number | undefined;
  private kernelPort = SERVICE;
  private peerPort = PEER_PORT;

  constructor(options: { peerStart?: number; mtu?: number; capabilities?: Capabilities } = {}) {
    this.peerStart = options.peerStart ?? 1000;
    const mtu = options.mtu ?? 1500;
    const wire = this.world.wire({ mtu, capabilities: options.capabilities ?? NO_OFFLOADS });
    this.station = this.world.station('peer', wire);
    this.host = this.world.host('kernel');
    this.host.connect('vr0', wire, { linkAddress: KERNEL_LINK, mtu });
    this.host.address('vr0', `${KERNEL}/24`);
    this.world.run(3_000_000);
    this.introduce();
    this.listen();
  }

  private introduce(): void {
    const request = arpPacket(arp.REQUEST, { link: PEER_LINK, address: PEER }, { address: KERNEL });
    this.station.send(frame({ to: 'ff:ff:ff:ff:ff:ff', from: PEER_LINK }, request));
    this.station.answer = (bytes) => this.answerArp(bytes);
    this.world.run(1000);
    this.station.take();
  }

  private answerArp(bytes: Uint8Array): Uint8Array | undefined {
    if (ethernet.type(bytes, 0) !== ethernet.TYPE_ARP) return undefined;
    if (arp.operation(bytes, ethernet.HEADER_LENGTH) !== arp.REQUEST) return undefined;
    const reply = arpPacket(
      arp.REPLY,
      { link: PEER_LINK, address: PEER },
      { link: KERNEL_LINK, address: KERNEL },
    );
    return frame({ to: KERNEL_LINK, from: PEER_LINK }, reply);
  }

  private listen(): void {
    this.host.on('socket.accepted', (event) => {
      this.user = event.id;
      this.events.push('accepted');
    });
    this.host.on('socket.connected', () => this.events.push('connected'));
    this.host.on('socket.closed', (event) => {
      this.events.push(event.error === undefined ? 'closed' : `closed ${event.error}`);
    });
    this.host.on('socket.data', (event) => {
      if (event.data.length === 0) this.events.push('fin');
      this.received += event.data.length;
      if (this.reading) this.host.call('socket.consumed', { id: this.user, bytes: event.data.length });
      else this.unread += event.data.length;
    });
  }

  /** Plays lines of a script; those that are empty say nothing. */
  play(script: string): this {
    for (const line of script.split('\n').map((text) => text.trim())) {
      try {
        if (line !== '') this.step(line);
      } catch (error) {
        if (error instanceof Error) error.message = `at "${line}": ${error.message}`;
        throw error;
      }
    }
    return this;
  }

  private step(line: string): void {
    const space = line.indexOf(' ');
    const word = space < 0 ? line : line.slice(0, space);
    const rest = space < 0 ? '' : line.slice(space + 1);
    switch (word) {
      case '>':
        return this.expect(rest);
      case '<':
        this.nothing();
        return this.send(rest);
      case '!':
        return assert.equal(this.events.shift(), rest);
      case '=':
        return assert.equal(this.state(), rest);
      case 'call':
        this.nothing();
        this.call(rest);
        return this.world.run(1000);
      case 'wait':
        return this.world.run(Number(rest) * 1000);
      case 'nothing':
        return this.nothing();
      case 'received':
        return assert.equal(this.received, Number(rest));
      default:
        throw new Error('not a line of a script');
    }
  }

  private call(text: string): void {
    const [name, argument = ''] = text.split(' ') as [string, string?];
    const id = this.user;
    switch (name) {
      case 'listen':
        this.listener = this.host.call('socket.open', { type: 'tcp', family: 4 });
        this.host.call('socket.bind', { id: this.listener, port: SERVICE });
        this.host.call('socket.listen', { id: this.listener, backlog: 5 });
        return;
      case 'connect':
        this.user = this.host.call('socket.open', { type: 'tcp', family: 4 });
        this.peerPort = SERVICE;
        this.host.call('socket.connect', {
          id: this.user,
          remote: endpoint(PEER, SERVICE),
          ...(argument === '' ? {} : { timeout: Number(argument) }),
        });
        return;
      case 'send':
        this.host.call('socket.send', { id, data: data(dataOf(argument)) });
        return;
      case 'shutdown':
        this.host.call('socket.shutdown', { id });
        return;
      case 'close':
        this.host.call('socket.close', { id });
        return;
      case 'abort':
        this.host.call('socket.close', { id, abort: true });
        return;
      case 'unlisten':
        this.host.call('socket.close', { id: this.listener });
        return;
      case 'pause':
        this.reading = false;
        return;
      case 'read':
        this.host.call('socket.consumed', { id, bytes: this.unread });
        this.unread = 0;
        return;
      case 'noDelay':
        this.host.call('socket.set', { id, noDelay: true });
        return;
      case 'keepAlive':
        this.host.call('socket.set', { id, keepAlive: true });
        return;
      default:
        throw new Error('no such call');
    }
  }

  private state(): string {
    const sockets = this.host.call('socket.list', { type: 'tcp' });
    return sockets.find((one) => one.remote?.port === this.peerPort)?.state ?? 'CLOSED';
  }

  /** Segments from the kernel that no line has spoken of yet. */
  private readonly pending: Uint8Array[] = [];

  private collect(): void {
    for (const bytes of this.station.take()) {
      if (ethernet.type(bytes, 0) === ethernet.TYPE_IPV4) this.pending.push(bytes);
    }
  }

  private nothing(): void {
    this.collect();
    assert.deepEqual(
      this.pending.map((bytes) => this.describe(bytes, true, true)),
      [],
      'the kernel says nothing more',
    );
  }

  private expect(line: string): void {
    this.collect();
    const bytes = this.pending.shift();
    assert.ok(bytes !== undefined, 'the kernel says something');
    assert.equal(this.describe(bytes, /\bwin\b/.test(line), line.includes('<')), line);
  }

  /** The last frame that an `expect` could speak of, for ICMP errors that quote it. */
  lastPacket(): Uint8Array {
    this.collect();
    const bytes = this.pending.shift();
    assert.ok(bytes !== undefined);
    return bytes.slice(ethernet.HEADER_LENGTH);
  }

  /** What the kernel has said so far is of no interest. */
  forget(): this {
    this.collect();
    this.pending.length = 0;
    return this;
  }

  /** The peer speaks from another port now. */
  from(port: number): this {
    this.peerPort = port;
    return this;
  }

  /** Acknowledges the SYN and ACK that the kernel has sent, if it has. */
  handshake(): void {
    this.collect();
    const bytes = this.pending.shift();
    if (bytes === undefined) return;
    this.describe(bytes, false, false);
    this.send('. 1 ack 1');
  }

  private describe(bytes: Uint8Array, window: boolean, options: boolean): string {
    const network = ethernet.HEADER_LENGTH;
    const at = ipv4.payloadAt(bytes, network);
    const end = network + ipv4.totalLength(bytes, network);
    const flags = tcp.flags(bytes, at);
    this.kernelPort = tcp.sourcePort(bytes, at);
    if ((flags & tcp.FLAG_SYN) !== 0) this.kernelStart = tcp.sequence(bytes, at);
    const sequence = this.fromKernel(tcp.sequence(bytes, at));
    const length = end - tcp.payloadAt(bytes, at);
    const names = FLAGS.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
    let text = `${names.join('')} ${sequence}:${sequence + length}`;
    if ((flags & tcp.FLAG_ACK) !== 0) text += ` ack ${(tcp.acknowledgment(bytes, at) - this.peerStart) | 0}`;
    if (window) text += ` win ${tcp.window(bytes, at)}`;
    const list = options ? this.describeOptions(bytes, at) : '';
    return list === '' ? text : `${text} <${list}>`;
  }

  /** A number of the kernel's, counted from its SYN; without a SYN (a bare reset) as it stands. */
  private fromKernel(sequence: number): number {
    return this.kernelStart === undefined ? sequence : (sequence - this.kernelStart) | 0;
  }

  private describeOptions(bytes: Uint8Array, offset: number): string {
    const names: string[] = [];
    const limit = tcpOptions.end(bytes, offset);
    for (let at = tcpOptions.first(offset); at < limit; at += tcpOptions.length(bytes, at, limit)) {
      const kind = tcpOptions.kind(bytes, at);
      if (kind === tcpOptions.MSS) names.push(`mss ${tcpOptions.mss(bytes, at)}`);
      else if (kind === tcpOptions.WINDOW_SCALE) names.push(`wscale ${tcpOptions.windowShift(bytes, at)}`);
      else if (kind === tcpOptions.SACK_PERMITTED) names.push('sackOK');
      else if (kind === tcpOptions.TIMESTAMPS) names.push(`ecr ${tcpOptions.timestampEcho(bytes, at)}`);
      else if (kind === tcpOptions.SACK) names.push(this.describeSack(bytes, at));
    }
    return names.join(',');
  }

  private describeSack(bytes: Uint8Array, at: number): string {
    const blocks = Array.from({ length: tcpOptions.sackCount(bytes, at) }, (_, i) => {
      const left = (tcpOptions.sackLeft(bytes, at, i) - this.peerStart) | 0;
      return `${left}-${(tcpOptions.sackRight(bytes, at, i) - this.peerStart) | 0}`;
    });
    return `sack ${blocks.join(' ')}`;
  }

  private send(line: string, notes: SegmentNotes = {}): void {
    const parts = LINE.exec(line);
    if (parts === null) throw new Error('not a segment');
    const [, flagText, sequence, acknowledgment, window, options, text, length] = parts;
    let flags = 0;
    for (const [name, bit] of FLAGS) if (flagText!.includes(name)) flags |= bit;
    const segment = tcpSegment(
      {
        from: this.peerPort,
        to: this.kernelPort,
        sequence: (this.peerStart + Number(sequence)) | 0,
        acknowledgment:
          acknowledgment === undefined ? 0 : ((this.kernelStart ?? 0) + Number(acknowledgment)) | 0,
        flags,
        window: Number(window ?? 65_535),
        options: this.options(options),
      },
      text ?? Number(length ?? 0),
    );
    this.sendFrame(
      frame({ to: KERNEL_LINK, from: PEER_LINK }, ip4({ source: PEER, destination: KERNEL }, segment)),
      notes,
    );
  }

  /** The peer sends a large segment, as a device with receive offload hands it up: `piece` bytes in each of those it was. */
  sendLarge(line: string, piece: number): void {
    const checksumStart = ethernet.HEADER_LENGTH + ipv4.HEADER_LENGTH;
    this.send(line, {
      gsoType: GSO_TCP4,
      segmentSize: piece,
      checksumStart,
      checksumField: checksumStart + tcp.CHECKSUM_OFFSET,
    });
  }

  /** Sends a frame without letting time pass. */
  sendNow(bytes: Uint8Array): void {
    this.station.send(bytes);
  }

  get ports(): { kernel: number; peer: number } {
    return { kernel: this.kernelPort, peer: this.peerPort };
  }

  /** The sequence numbers of both SYNs. */
  get starts(): { kernel: number; peer: number } {
    this.collect();
    for (const bytes of this.pending) this.describe(bytes, false, false);
    return { kernel: this.kernelStart ?? 0, peer: this.peerStart };
  }

  sendFrame(bytes: Uint8Array, notes: SegmentNotes = {}): void {
    this.station.send(bytes, notes);
    this.world.run(1000);
  }

  private options(text: string | undefined): Uint8Array {
    const bytes = new Uint8Array(40);
    let at = 0;
    for (const option of text === undefined ? [] : text.split(',')) {
      const [name, ...values] = option.split(' ') as [string, ...string[]];
      const [first = 0, second = 0] = values.map(Number);
      if (name === 'mss') at = tcpOptions.writeMss(bytes, at, first);
      else if (name === 'wscale') at = tcpOptions.writeWindowScale(bytes, at, first);
      else if (name === 'sackOK') at = tcpOptions.writeSackPermitted(bytes, at);
      else if (name === 'TS') at = tcpOptions.writeTimestamps(bytes, at, first, second);
      else if (name === 'sack') at = this.writeSack(bytes, at, values);
      else throw new Error(`no such option: ${name}`);
    }
    return bytes.slice(0, (at + 3) & ~3);
  }

  private writeSack(bytes: Uint8Array, at: number, blocks: readonly string[]): number {
    blocks.forEach((block, i) => {
      const [left = 0, right = 0] = block.split('-').map((number) => this.kernelStart! + Number(number));
      tcpOptions.setSackBlock(bytes, at, i, left | 0, right | 0);
    });
    return tcpOptions.writeSack(bytes, at, blocks.length);
  }

  /** An ICMP error about a packet of the kernel's, quoting its header and eight bytes. */
  icmpError(type: number, code: number, rest: number, about: Uint8Array): void {
    const message = icmpMessage(type, code, rest, about.slice(0, ipv4.HEADER_LENGTH + icmp.QUOTED_DATA));
    const network = ip4({ source: PEER, destination: KERNEL }, message);
    this.sendFrame(frame({ to: KERNEL_LINK, from: PEER_LINK }, network));
  }
}

function dataOf(text: string): Data {
  return text.startsWith('"') ? text.slice(1, -1) : Number(text);
}

/** Plays one script in a world of its own. */
export function play(
  script: string,
  options: ConstructorParameters<typeof Conversation>[0] = {},
): Conversation {
  return new Conversation(options).play(script);
}
