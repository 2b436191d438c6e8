// SPDX-License-Identifier: ISC
//
// Multicast listener discovery, the listener's side (RFC 3810; RFC 2710 where a router of version 1 asks).

import * as icmp6s from '../../abi/counters/icmp6.ts';
import * as extension6 from '../../wire/extension6.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as mld from '../../wire/mld.ts';
import { type Clock, MILLISECOND, SECOND } from '../clock.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { Random } from '../random.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import type { Group, GroupListener } from './groups6.ts';
import type { Icmp6, Icmp6Handler } from './icmp6.ts';
import { finish, readWords, setWords } from './icmp6Message.ts';
import type { Ipv6 } from './ipv6.ts';
import { ALL_ROUTERS, UNSPECIFIED } from './ndMessages.ts';
import { linkLocalOf } from './redirect6.ts';

/** A change is reported this often (RFC 3810 9.1), the repetition within a second, or ten in version 1 (9.11, RFC 2710 7.10). */
const ROBUSTNESS = 2;
const REPEAT = SECOND;
const REPEAT1 = 10 * SECOND;
/** So long after its last query a router of version 1 is thought to be there (RFC 3810 9.12). */
const OLDER_VERSION = 260 * SECOND;
const HOP_LIMIT = 1;

const REPORTS = Int32Array.of(ipv6.LINK_GROUP_WORD0, 0, 0, mld.REPORT2_GROUP_WORD3);

/** What is yet to be said about a group. */
interface Membership {
  readonly timeout: Timeout;
  /** Reports of the change that are left; the next ones answer queries. */
  changes: number;
}

export class Mld implements Icmp6Handler, GroupListener {
  private readonly ip: Ipv6;
  private readonly icmp: Icmp6;
  private readonly clock: Clock;
  private readonly timeouts: Timeouts;
  private readonly random: Random;
  private readonly pool: PacketPool;
  private readonly memberships = new Map<Group, Membership>();
  /** Until when an interface speaks version 1, by index. */
  private readonly olderUntil = new Map<number, number>();

  constructor(parts: {
    ip: Ipv6;
    icmp: Icmp6;
    clock: Clock;
    timeouts: Timeouts;
    random: Random;
    pool: PacketPool;
  }) {
    this.ip = parts.ip;
    this.icmp = parts.icmp;
    this.clock = parts.clock;
    this.timeouts = parts.timeouts;
    this.random = parts.random;
    this.pool = parts.pool;
    this.ip.groups.listener = this;
    for (const type of [
      icmp6.TYPE_LISTENER_QUERY,
      icmp6.TYPE_LISTENER_REPORT,
      icmp6.TYPE_LISTENER_DONE,
      icmp6.TYPE_LISTENER_REPORT2,
    ]) {
      this.icmp.handlers[type] = this;
    }
  }

  joined(group: Group): void {
    if (!isReported(group)) return;
    const timeout = new Timeout(this.timeouts, () => this.report(group));
    this.memberships.set(group, { timeout, changes: ROBUSTNESS });
    this.report(group);
  }

  left(group: Group): void {
    const membership = this.memberships.get(group);
    if (membership === undefined) return;
    membership.timeout.clear();
    this.memberships.delete(group);
    if (this.speaksVersion1(group.on)) {
      this.sendMessage(group, icmp6.TYPE_LISTENER_DONE, ALL_ROUTERS);
    } else {
      this.sendRecord(group, mld.CHANGE_TO_INCLUDE);
    }
  }

  /**
   * Every group anew: the link is back, and somebody else may be there; or there is a link-local address at last, without which
   * routers do not listen (RFC 3590 4).
   */
  reportAll(on: Interface): void {
    for (const group of this.ip.groups.of(on)) {
      const membership = this.memberships.get(group);
      if (membership === undefined) continue;
      membership.changes = ROBUSTNESS;
      this.report(group);
    }
  }

  /** Queries come from a router on the link: its link-local address, hop limit 1 (RFC 3810 5.1.14). */
  input(packet: Packet, on: Interface): void {
    const { bytes, network, transport } = packet;
    const fromLink = ipv6.isLinkLocal(ipv6.sourceWord(bytes, network, 0));
    if (ipv6.hopLimit(bytes, network) !== HOP_LIMIT || !mld.valid(bytes, transport, packet.end)) {
      return this.icmp.counters.count(icmp6s.BAD_LISTENER_MESSAGE);
    }
    const type = icmp6.type(bytes, transport);
    if (type === icmp6.TYPE_LISTENER_QUERY && fromLink) this.query(packet, on);
    else if (type === icmp6.TYPE_LISTENER_REPORT) this.heard(packet, on);
  }

  /** Answers come at random within the time that the query gives (RFC 3810 6.2). */
  private query(packet: Packet, on: Interface): void {
    const { bytes, transport, end } = packet;
    const version1 = end - transport < mld.QUERY2_LENGTH;
    if (version1) this.olderUntil.set(on.index, this.clock.now + OLDER_VERSION);
    const response = version1
      ? mld.maximumResponse(bytes, transport)
      : mld.maximumResponse2(bytes, transport);
    const asked = readWords(bytes, mld.groupAt(transport), new Int32Array(4));
    const general = asked.every((word) => word === 0);
    for (const group of this.ip.groups.of(on)) {
      if (!general && !group.words.every((word, i) => word === asked[i])) continue;
      const timeout = this.memberships.get(group)?.timeout;
      if (timeout === undefined) continue;
      const delay = this.random.below(response * MILLISECOND + 1);
      if (!timeout.armed || timeout.deadline > this.clock.now + delay) timeout.set(delay);
    }
  }

  /** Another listener's report of version 1 says all that the router has to know (RFC 2710 4). */
  private heard(packet: Packet, on: Interface): void {
    if (!this.speaksVersion1(on)) return;
    const group = readWords(packet.bytes, mld.groupAt(packet.transport), new Int32Array(4));
    for (const [member, membership] of this.memberships) {
      if (member.on !== on || !member.words.every((word, i) => word === group[i])) continue;
      membership.timeout.clear();
      membership.changes = 0;
    }
  }

  private report(group: Group): void {
    const membership = this.memberships.get(group)!;
    const change = membership.changes > 0;
    const version1 = this.speaksVersion1(group.on);
    if (version1) this.sendMessage(group, icmp6.TYPE_LISTENER_REPORT, group.words);
    else this.sendRecord(group, change ? mld.CHANGE_TO_EXCLUDE : mld.MODE_IS_EXCLUDE);
    if (!change) return;
    membership.changes--;
    if (membership.changes > 0) {
      membership.timeout.set(1 + this.random.below(version1 ? REPEAT1 : REPEAT));
    }
  }

  private speaksVersion1(on: Interface): boolean {
    return this.clock.now < (this.olderUntil.get(on.index) ?? 0);
  }

  private sendMessage(group: Group, type: number, destination: Int32Array): void {
    const packet = this.pool.take();
    const at = this.start(packet, group.on, destination);
    icmp6.write(packet.bytes, at, type, 0, 0);
    setWords(packet.bytes, mld.groupAt(at), group.words);
    packet.end = at + mld.MESSAGE_LENGTH;
    this.finish(packet, group.on, destination);
  }

  private sendRecord(group: Group, type: number): void {
    const packet = this.pool.take();
    const at = this.start(packet, group.on, REPORTS);
    mld.writeReport2(packet.bytes, at, 1);
    const record = mld.recordsAt(at);
    setWords(packet.bytes, mld.recordGroupAt(record), group.words);
    packet.end = mld.writeRecord(packet.bytes, record, type, packet.bytes, mld.recordGroupAt(record));
    this.finish(packet, group.on, REPORTS);
  }

  /** Header with router alert; from `::` while there is no link-local address yet (RFC 3810 5.2.13). */
  private start(packet: Packet, on: Interface, destination: Int32Array): number {
    const { bytes, network } = packet;
    ipv6.write(bytes, network, 0, 0, 0, ipv6.NEXT_HOP_BY_HOP, HOP_LIMIT);
    setWords(bytes, ipv6.sourceAt(network), linkLocalOf(on) ?? UNSPECIFIED);
    setWords(bytes, ipv6.destinationAt(network), destination);
    const options = ipv6.payloadAt(network);
    extension6.writeRouterAlert(bytes, options, ipv6.NEXT_ICMP6);
    packet.transport = options + extension6.ROUTER_ALERT_LENGTH;
    return packet.transport;
  }

  private finish(packet: Packet, on: Interface, destination: Int32Array): void {
    finish(packet);
    this.ip.outputOn(packet, on, destination);
    this.pool.give(packet);
  }
}

/** All but ff02::1 and what never leaves an interface (RFC 3810 6), on links where somebody could listen. */
function isReported(group: Group): boolean {
  const words = group.words;
  if (group.on.type === 'loopback' || ipv6.multicastScope(words[0]!) <= ipv6.SCOPE_INTERFACE_LOCAL)
    return false;
  const isAllNodes =
    words[0] === ipv6.LINK_GROUP_WORD0 && (words[1]! | words[2]!) === 0 && words[3] === ipv6.ALL_NODES_WORD3;
  return !isAllNodes;
}
