// SPDX-License-Identifier: ISC
//
// pfsync(4): pfsync0 put together. It keeps the state tables of several machines in step, by packets on one interface between them.

import type { Handlers } from '../../abi/client.ts';
import { PFSYNC } from '../../abi/counters/pfsync.ts';
import { CallError } from '../../abi/errno.ts';
import { IFF_RUNNING, IFF_UP } from '../../abi/interface.ts';
import { PFSYNC_MAXIMUM_UPDATES, type PfsyncCalls, type PfsyncInfo } from '../../abi/pfsync.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as wire from '../../wire/pfsync.ts';
import { SECOND } from '../clock.ts';
import { Counters } from '../counters.ts';
import type { Captures } from '../link/capture.ts';
import type { Demotion } from '../link/demotion.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet } from '../packet.ts';
import type { PfParts } from '../pf/parts.ts';
import type { Pf } from '../pf/pf.ts';
import {
  COUNTERS,
  CREATOR,
  FLAG_NO_SYNC,
  FLAG_SLOPPY,
  FLAGS,
  ID_HIGH,
  ID_LOW,
  KIND,
  SEQ_DIFFERENCE,
  SOURCE,
  TOUCHED,
  WIRE,
} from '../pf/stateRecord.ts';
import type { StateSync } from '../pf/sync.ts';
import { Timeout } from '../timeout.ts';
import { BulkRequest, BulkSend } from './bulk.ts';
import { Codec } from './codec.ts';
import { Defer } from './defer.ts';
import { Receiver } from './receiver.ts';
import {
  QUEUE_ACK,
  QUEUE_INSERT,
  QUEUE_NONE,
  QUEUE_UPDATE,
  QUEUE_UPDATE_COMPRESSED,
  Sender,
} from './sender.ts';
import { PEER_SPOKE, SyncRecords, UPDATES } from './syncRecords.ts';
import { Tombstones } from './tombstones.ts';

const PROTOCOL_TCP = 6;
const DEFAULT_MTU = 1500;
/** What a machine is demoted by until it has the states of the others, and without a link to them. */
const BULK_DEMOTION = 32;
const LINK_DEMOTION = 1;
/** Both machines see a connection's packets while its peer's word is this fresh, in seconds. */
const FRESH = 2;
/** How often peers are told that we speak messages of our own, and which rules are loaded here; one that is silent for three such is gone. */
const ANNOUNCE = 10 * SECOND;
const SILENT = 30 * SECOND;

interface PeerInfo {
  checksum: string;
  heard: number;
}

export class Pfsync implements StateSync {
  readonly counters = new Counters(PFSYNC);
  readonly calls: Handlers<PfsyncCalls>;
  private on: Interface | undefined;
  private device: Interface | undefined;
  private peer = 0;
  private maxUpdates = 128;
  private defer = false;
  private linkDemoted = false;
  private bulkDemoted = false;
  private readonly parts: PfParts;
  private readonly captures: Captures;
  private readonly demotion: Demotion;
  private readonly sender: Sender;
  private readonly tombstones = new Tombstones();
  private readonly request: BulkRequest;
  private readonly bulk: BulkSend;
  private readonly held: Defer;
  private readonly announceTimer: Timeout;
  /** Machines that speak our own messages, by host id. */
  private readonly peers = new Map<number, PeerInfo>();

  constructor(pf: Pf, captures: Captures, demotion: Demotion) {
    const { parts } = pf;
    this.parts = parts;
    this.captures = captures;
    this.demotion = demotion;
    const codec = new Codec(parts);
    const { counters, tombstones } = this;
    const route = () => ({ device: this.linkReady(), peer: this.peer, mtu: this.on?.mtu ?? DEFAULT_MTU });
    const sender = new Sender(parts, codec, counters, route);
    sender.captured = (packet) => this.capture(packet);
    this.sender = sender;
    this.held = new Defer(pf);
    this.bulk = new BulkSend(parts, sender);
    this.request = new BulkRequest(parts, sender, {
      announce: () => this.announce(),
      done: () => this.demoteForBulk(false),
    });
    this.announceTimer = new Timeout(parts.timeouts, () => this.announce());
    parts.ipv4.protocols[ipv4.PROTOCOL_PFSYNC] = new Receiver(parts, {
      codec,
      sender,
      tombstones,
      counters,
      hooks: {
        hears: (index) => this.hears(index),
        bulkWanted: () => this.bulk.begin(),
        bulkStatus: (status) => this.request.heard(status),
        ruleset: (hostId, checksum) => this.heardRuleset(hostId, checksum),
        acknowledged: (state) => this.held.release(state),
        captured: (packet) => this.capture(packet),
      },
    });
    parts.life.listen((state, expired) => this.ended(state, expired));
    parts.interfaces.listen({
      stateChanged: (on) => this.stateChanged(on),
      detached: (on) => this.detached(on),
    });
    this.calls = {
      'pfsync.set': (change) => {
        this.set(change);
        return null;
      },
    };
  }

  // Configuration.

  /** pfsync0 has just been made. */
  adopt(on: Interface): void {
    this.on = on;
    on.mtu = DEFAULT_MTU;
    for (const group of ['carp', 'pfsync']) this.parts.interfaces.setGroup(on, group, true);
  }

  private set(change: PfsyncCalls['pfsync.set'][0]): void {
    const { on } = this;
    if (on === undefined || on.name !== change.name) {
      throw new CallError('EINVAL', `${change.name}: not a pfsync interface`);
    }
    const { syncDevice, peer, maxUpdates } = change;
    if (on.running && (syncDevice !== undefined || peer !== undefined)) {
      throw new CallError('EBUSY', 'set pfsync0 down before its syncdev or syncpeer is changed');
    }
    if (maxUpdates !== undefined && !(maxUpdates >= 0 && maxUpdates <= PFSYNC_MAXIMUM_UPDATES)) {
      throw new CallError('EINVAL', `maxupd is a number from 0 to ${PFSYNC_MAXIMUM_UPDATES}`);
    }
    const device = syncDevice == null ? undefined : this.parts.interfaces.get(syncDevice);
    if (device !== undefined && device.type !== 'ethernet' && device.type !== 'vlan') {
      throw new CallError('EINVAL', `${device.name}: not an Ethernet interface`);
    }
    const word = peer == null ? 0 : peer.words[0]!;
    if (peer != null && (peer.family !== 4 || word === ipv4.BROADCAST)) throw new CallError('EDESTADDRREQ');
    if (maxUpdates !== undefined) this.maxUpdates = maxUpdates;
    if (change.defer !== undefined) this.defer = change.defer;
    if (!this.defer) this.held.releaseAll();
    if (syncDevice !== undefined) this.device = device;
    if (peer !== undefined) this.peer = word === wire.GROUP ? 0 : word;
    this.update();
  }

  describe(on: Interface): PfsyncInfo | undefined {
    if (on !== this.on) return undefined;
    return {
      ...(this.device === undefined ? {} : { syncDevice: this.device.name }),
      ...(this.peer === 0 ? {} : { peer: { family: 4, words: [this.peer] } }),
      maxUpdates: this.maxUpdates,
      defer: this.defer,
      bulk: this.request.state,
      peers: [...this.peers].map(([hostId, { checksum }]) => ({
        hostId,
        sameRuleset: checksum === this.ownChecksum(),
      })),
    };
  }

  // Running.

  private stateChanged(on: Interface): void {
    if (on === this.on) this.update();
    else if (on === this.device) this.linkChanged();
  }

  private detached(on: Interface): void {
    if (on === this.on) {
      this.stop();
      this.on = undefined;
    } else if (on === this.device) {
      this.stop();
      this.device = undefined;
    }
  }

  /** Begins when it is up and knows by which interface, ends when not. */
  private update(): void {
    const { on } = this;
    if (on === undefined) return;
    const wanted = (on.flags & IFF_UP) !== 0 && this.device !== undefined;
    if (wanted === on.running) return;
    if (wanted) this.start(on, this.device!);
    else this.stop();
  }

  private start(on: Interface, device: Interface): void {
    const { parts } = this;
    this.sender.records = new SyncRecords(parts.states, parts.settings.maximumStates);
    if (this.peer === 0) parts.ipv4.groups.join(device, wire.GROUP);
    parts.sync.target = this;
    on.mtu = Math.min(on.mtu, device.mtu);
    parts.interfaces.setFlags(on, on.flags | IFF_RUNNING);
    this.demoteForBulk(true);
    this.linkChanged();
    this.request.begin(this.linkReady() !== undefined);
    this.announceTimer.set(ANNOUNCE);
  }

  private stop(): void {
    const { parts, on } = this;
    if (on === undefined || parts.sync.target === undefined) return;
    this.held.releaseAll();
    this.sender.flush();
    parts.sync.target = undefined;
    this.sender.clear();
    this.sender.records = undefined;
    this.tombstones.clear();
    this.request.stop();
    this.bulk.stop();
    this.announceTimer.clear();
    this.peers.clear();
    this.peersChanged();
    if (this.peer === 0 && this.device !== undefined) parts.ipv4.groups.leave(this.device, wire.GROUP);
    parts.interfaces.setFlags(on, on.flags & ~IFF_RUNNING);
    this.demoteForBulk(false);
    this.demoteForLink(false);
  }

  private linkReady(): Interface | undefined {
    const { device } = this;
    return device?.running && device.link ? device : undefined;
  }

  private linkChanged(): void {
    if (this.parts.sync.target === undefined) return;
    const ready = this.linkReady() !== undefined;
    this.demoteForLink(!ready);
    if (ready) this.request.linkUp();
  }

  private demoteForLink(wanted: boolean): void {
    if (wanted === this.linkDemoted) return;
    this.linkDemoted = wanted;
    this.demotion.adjust(this.on!, wanted ? LINK_DEMOTION : -LINK_DEMOTION, 'pfsync link');
  }

  private demoteForBulk(wanted: boolean): void {
    if (wanted === this.bulkDemoted || this.on === undefined) return;
    this.bulkDemoted = wanted;
    const amount = wanted ? BULK_DEMOTION : -BULK_DEMOTION;
    this.demotion.adjust(this.on, amount, wanted ? 'pfsync start' : 'pfsync done');
  }

  private hears(interfaceIndex: number): 'yes' | 'no' | 'bad interface' {
    if (this.parts.sync.target === undefined) return 'no';
    return interfaceIndex === this.device!.index ? 'yes' : 'bad interface';
  }

  private capture(packet: Packet): void {
    if (this.on === undefined || !this.captures.watched(this.on)) return;
    const { link } = packet;
    packet.link = packet.network;
    this.captures.frame(packet, this.on);
    packet.link = link;
  }

  // Messages of our own.

  private announce(): void {
    this.announceTimer.set(ANNOUNCE);
    const { settings } = this.parts;
    for (const [hostId, { heard }] of this.peers) {
      if (this.parts.clock.now - heard > SILENT) this.peers.delete(hostId);
    }
    this.peersChanged();
    this.sender.sendNow((builder) => {
      const { bytes, at } = builder.message(wire.ACTION_RULESET, wire.RULESET_LENGTH);
      wire.writeRuleset(bytes, at, this.ownChecksum(), settings.hostId | 0);
    });
  }

  private ownChecksum(): string {
    return this.parts.settings.checksum.padStart(2 * wire.CHECKSUM_LENGTH, '0');
  }

  private heardRuleset(hostId: number, checksum: string): void {
    const isNew = !this.peers.has(hostId);
    this.peers.set(hostId, { checksum, heard: this.parts.clock.now });
    this.peersChanged();
    // Whoever has just come is to know us, too.
    if (isNew) this.announce();
  }

  private peersChanged(): void {
    this.sender.speaksOwn = this.peers.size > 0;
    this.bulk.fast = this.peers.size > 0;
  }

  // What pf tells.

  created(state: number): void {
    this.sender.records!.add(state);
    if (this.isSynced(state)) this.sender.enqueue(state, QUEUE_INSERT);
  }

  updated(state: number, segments: number): void {
    if (!this.isSynced(state)) return;
    const { sender } = this;
    const records = sender.records!;
    const page = records.page(state);
    const at = records.at(state);
    const queue = sender.queueOf(state);
    if (queue === QUEUE_NONE || queue === QUEUE_ACK) {
      sender.enqueue(state, QUEUE_UPDATE_COMPRESSED);
    } else if (queue === QUEUE_UPDATE_COMPRESSED || queue === QUEUE_UPDATE) {
      page[at + UPDATES] = page[at + UPDATES]! + segments;
      if (this.isTcp(state) && page[at + UPDATES]! >= this.maxUpdates) sender.soon();
    }
    const spoke = page[at + PEER_SPOKE]!;
    if (spoke !== 0 && this.parts.settings.seconds + 1 - spoke < FRESH) sender.soon();
    if (queue !== QUEUE_INSERT && this.isTracked(state) && sender.hasMovedFar(state)) sender.soon();
  }

  cleared(interfaceName: string): void {
    this.sender.sendNow((builder) => {
      const { bytes, at } = builder.message(wire.ACTION_CLEAR, wire.CLEAR_LENGTH);
      wire.writeClear(bytes, at, interfaceName, this.parts.settings.hostId | 0);
    });
  }

  defers(state: number, packet: Packet): boolean {
    if (!this.defer || packet.linkBroadcast || packet.linkMulticast) return false;
    const { states } = this.parts;
    // What was given another sequence number already cannot come again as it came.
    const isModulated = states.records(state)[states.at(state) + SOURCE + SEQ_DIFFERENCE] !== 0;
    return !isModulated && this.isSynced(state) && this.linkReady() !== undefined;
  }

  hold(state: number, packet: Packet, on: Interface, direction: number): void {
    const { states } = this.parts;
    // It is counted when it goes on.
    const counters = (states.at(state) >>> 1) + COUNTERS;
    states.counters(state).fill(0, counters, counters + 4);
    this.held.hold(state, packet, on.index, direction);
    this.sender.deferred.add(state);
    this.sender.soon();
  }

  private ended(state: number, expired: boolean): void {
    const { sender } = this;
    const { records } = sender;
    sender.deferred.delete(state);
    if (records === undefined) return;
    this.held.release(state);
    const { states, settings } = this.parts;
    const record = states.records(state);
    const at = states.at(state);
    const [high, low, creator] = [record[at + ID_HIGH]!, record[at + ID_LOW]!, record[at + CREATOR]!];
    const queue = sender.queueOf(state);
    const spoke = records.page(state)[records.at(state) + PEER_SPOKE]!;
    records.remove(state);
    // A connection of which only peers have told runs out here when they are not heard; it is theirs to end.
    const isTheirs = expired && spoke !== 0 && spoke - 1 >= record[at + TOUCHED]!;
    if (!isTheirs) this.tombstones.add(high, low, creator, settings.seconds);
    const silent = !this.isSynced(state) || isTheirs || queue === QUEUE_INSERT;
    records.page(state)[records.at(state)] = QUEUE_NONE;
    if (!silent) sender.delete(high, low, creator);
  }

  private isSynced(state: number): boolean {
    const { states } = this.parts;
    const records = states.records(state);
    const at = states.at(state);
    return (
      (records[at + FLAGS]! & FLAG_NO_SYNC) === 0 &&
      (records[at + WIRE + KIND]! & 0xff) !== ipv4.PROTOCOL_PFSYNC
    );
  }

  private isTcp(state: number): boolean {
    const { states } = this.parts;
    return (states.records(state)[states.at(state) + WIRE + KIND]! & 0xff) === PROTOCOL_TCP;
  }

  /** Whether sequence numbers of it are watched. */
  private isTracked(state: number): boolean {
    const { states } = this.parts;
    return this.isTcp(state) && (states.records(state)[states.at(state) + FLAGS]! & FLAG_SLOPPY) === 0;
  }
}
