// SPDX-License-Identifier: ISC
//
// pfsync(4): pfsync0 and its syncdev, set up and down, and how much worse a master this machine is meanwhile.

import { PFSYNC } from '../../abi/counters/pfsync.ts';
import { IFF_RUNNING } from '../../abi/interface.ts';
import type { PfsyncLag } from '../../abi/pfsync.ts';
import { PROTOCOL_PFSYNC } from '../../wire/ipv4.ts';
import { GROUP } from '../../wire/pfsync.ts';
import { SECOND } from '../clock.ts';
import { Counters } from '../counters.ts';
import type { Captures } from '../link/capture.ts';
import type { Demotion } from '../link/demotion.ts';
import type { Interface } from '../link/interface.ts';
import type { PfParts } from '../pf/parts.ts';
import type { Pf } from '../pf/pf.ts';
import { Timeout } from '../timeout.ts';
import type { AcquaintanceParts } from './acquaintance.ts';
import { BulkRequest } from './bulkRequest.ts';
import { Link } from './link.ts';
import { Peers } from './peers.ts';
import { Receiver } from './receiver.ts';
import { Session } from './session.ts';
import { PfsyncSettings } from './settings.ts';
import { Transmitter } from './transmitter.ts';

/** Machines say who they are so often. */
const RULESET_INTERVAL = 10 * SECOND;
const MTU = 1500;

export class Pfsync {
  readonly counters = new Counters(PFSYNC);
  readonly settings = new PfsyncSettings();
  readonly peers: Peers;
  readonly bulkRequest: BulkRequest;
  /** For a seal: how machines that share its key come to believe each other. */
  readonly acquaintanceParts: AcquaintanceParts;
  private readonly pf: Pf;
  private readonly parts: PfParts;
  private readonly demotion: Demotion;
  private readonly link: Link;
  private readonly transmitter: Transmitter;
  private readonly receiver: Receiver;
  private readonly ruleset: Timeout;
  private session: Session | undefined;
  private isListed = false;
  /** The syncdev's trouble counts at the moment. */
  private linkDemoted = false;

  constructor(pf: Pf, captures: Captures, demotion: Demotion) {
    const { parts } = pf;
    const { counters, settings } = this;
    this.pf = pf;
    this.parts = parts;
    this.demotion = demotion;
    this.peers = new Peers(parts.settings);
    this.link = new Link(settings, parts.settings);
    this.transmitter = new Transmitter({ ip: parts.ipv4, pool: parts.pool, captures, counters, settings });
    this.receiver = new Receiver({ link: this.link, clock: parts.clock, counters, captures });
    parts.ipv4.protocols[PROTOCOL_PFSYNC] = this.receiver;
    this.bulkRequest = new BulkRequest({
      settings: parts.settings,
      timeouts: parts.timeouts,
      demote: (amount, reason) => this.demote(amount, reason),
      ask: () => this.session?.outbox.sendBulkRequest(this.peers.writeRuleset),
      askAgain: (host, ranges) => this.session?.outbox.sendAgain(host, ranges),
    });
    this.acquaintanceParts = {
      clock: parts.clock,
      timeouts: parts.timeouts,
      random: parts.random,
      send: (write) => this.session?.outbox.sendOwn(write),
      met: () => this.met(),
    };
    this.ruleset = new Timeout(parts.timeouts, () => this.sayRuleset());
    parts.life.listen((state, expired) => this.session?.ended(state, expired));
    parts.interfaces.listen({
      stateChanged: (on) => this.stateChanged(on),
      detached: (on) => this.detached(on),
    });
  }

  /** pfsync0 has just been made. */
  adopt(on: Interface): void {
    const { interfaces } = this.parts;
    on.mtu = MTU;
    this.link.on = on;
    this.transmitter.on = on;
    interfaces.setGroup(on, 'carp', true);
    interfaces.setGroup(on, 'pfsync', true);
  }

  /** States are exchanged at the moment. */
  get isUp(): boolean {
    return this.link.isUp;
  }

  /** How far the others are behind, and when one was heard; undefined while no states are exchanged. */
  get lag(): PfsyncLag | undefined {
    if (this.session === undefined) return undefined;
    const { heardAt } = this.receiver;
    const heardAgo = (this.parts.clock.now - heardAt) / SECOND;
    return { ...this.session.outbox.lag, ...(heardAt >= 0 && { heardAgo }) };
  }

  isPfsync(on: Interface): boolean {
    return this.link.on === on;
  }

  /** Settings have changed: goes up or down as they want it. */
  update(): void {
    if (this.link.wanted === this.link.isUp) return;
    if (this.link.isUp) this.stop();
    else this.start();
  }

  private start(): void {
    const { pf, link, counters, settings, transmitter, peers, bulkRequest } = this;
    this.isListed = false;
    link.isUp = true;
    const listed = () => {
      this.isListed = true;
      this.linkChanged();
    };
    this.session = new Session({ pf, counters, settings, transmitter, peers, bulkRequest, listed });
    this.receiver.inbox = this.session.inbox;
    this.receiver.heardAt = -1;
    this.parts.sync.target = this.session;
    if (settings.peer === 0) this.parts.ipv4.groups.join(link.syncdev!, GROUP);
    this.setRunning(true);
    if (!link.hasCarrier) this.demoteLink(true, 'pfsync up');
    bulkRequest.start();
    this.ruleset.set(RULESET_INTERVAL);
  }

  private stop(): void {
    this.parts.sync.target = undefined;
    this.session?.stop();
    this.session = undefined;
    this.receiver.inbox = undefined;
    this.settings.seal?.stop();
    this.link.isUp = false;
    this.ruleset.clear();
    this.peers.forget();
    if (this.settings.peer === 0) this.parts.ipv4.groups.leave(this.link.syncdev!, GROUP);
    this.bulkRequest.stop();
    this.demoteLink(false, 'pfsync down');
    this.setRunning(false);
  }

  private setRunning(running: boolean): void {
    const on = this.link.on!;
    const flags = running ? on.flags | IFF_RUNNING : on.flags & ~IFF_RUNNING;
    this.parts.interfaces.setFlags(on, flags);
  }

  private sayRuleset(): void {
    this.session?.retell();
    this.session?.sayRuleset();
    this.ruleset.set(RULESET_INTERVAL);
  }

  /** One more machine hears us, and is heard: what was said before was said in vain. */
  private met(): void {
    this.bulkRequest.repeat();
    this.session?.sayRuleset();
  }

  // What happens around it.

  private stateChanged(on: Interface): void {
    if (on === this.link.on) this.update();
    else if (on === this.settings.syncdev && this.link.isUp) this.linkChanged();
  }

  private linkChanged(): void {
    const { hasCarrier } = this.link;
    this.demoteLink(!hasCarrier, 'pfsync link');
    if (!hasCarrier) return;
    this.settings.seal?.start();
    this.session?.outbox.linkUp();
    if (this.isListed) this.bulkRequest.ready();
  }

  private detached(on: Interface): void {
    if (on === this.settings.syncdev) {
      if (this.link.isUp) this.stop();
      this.settings.syncdev = undefined;
    }
    if (on !== this.link.on) return;
    if (this.link.isUp) this.stop();
    this.link.on = undefined;
  }

  private demoteLink(down: boolean, reason: string): void {
    if (this.linkDemoted === down) return;
    this.linkDemoted = down;
    this.demote(down ? 1 : -1, reason);
  }

  private demote(amount: number, reason: string): void {
    if (this.link.on !== undefined) this.demotion.adjust(this.link.on, amount, reason);
  }
}
