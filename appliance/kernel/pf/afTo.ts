// SPDX-License-Identifier: ISC
//
// af-to (pf_get_transaddr_af, and what pf_test does with PF_AFRT): which ends a new connection gets in the other family, and how its
// packets go on there. They come in as one family and are forwarded as the other; the filter sees them once.

import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as siit from '../../wire/siit.ts';
import { DROP, TAKEN } from '../filter.ts';
import type { Ipv4 } from '../inet/ipv4.ts';
import type { Ipv6 } from '../inet6/ipv6.ts';
import { pieceLength } from '../link/offload.ts';
import { GSO_NONE } from '../packet.ts';
import type { Random } from '../random.ts';
import { ROUTE_LOCAL, ROUTE_REJECT, type Route, type Routes } from '../route/routes.ts';
import { changeError } from './changeError.ts';
import { changeFamily, growth, isTranslatable } from './changeFamily.ts';
import type { Descriptor } from './descriptor.ts';
import type { Ends } from './ends.ts';
import { hops } from './hops.ts';
import type { IcmpErrorTest } from './icmpErrors.ts';
import type { Replies } from './replies.ts';
import { REASON_NO_ROUTE, REASON_TRANSLATE, type Statistics } from './statistics.ts';

export class AfTo {
  private readonly ipv4: Ipv4;
  private readonly ipv6: Ipv6;
  private readonly routes: Routes;
  private readonly random: Random;
  private readonly statistics: Statistics;
  private readonly replies: Replies;
  private readonly icmpErrors: IcmpErrorTest;

  constructor(parts: {
    ipv4: Ipv4;
    ipv6: Ipv6;
    routes: Routes;
    random: Random;
    statistics: Statistics;
    replies: Replies;
    icmpErrors: IcmpErrorTest;
  }) {
    this.ipv4 = parts.ipv4;
    this.ipv6 = parts.ipv6;
    this.routes = parts.routes;
    this.random = parts.random;
    this.statistics = parts.statistics;
    this.replies = parts.replies;
    this.icmpErrors = parts.icmpErrors;
  }

  /**
   * Rewrites a packet that has come in and forwards it. What would go wrong further on is said to its sender here, in the family that
   * the sender speaks. Answers TAKEN or DROP.
   */
  send(packet: Descriptor, ends: Ends): number {
    if (!packet.isIcmpError && !isTranslatable(packet)) return this.refuse(REASON_TRANSLATE);
    const route =
      ends.family === 4 ? this.routes.lookup4(ends.destination[0]!) : this.routes.lookup6(ends.destination);
    if (route === undefined || route.kind === ROUTE_REJECT) {
      this.replies.unreachable(packet);
      return this.refuse(REASON_NO_ROUTE);
    }
    if (route.kind !== ROUTE_LOCAL && hops(packet) <= 1) {
      this.replies.timeExceeded(packet);
      return DROP;
    }
    const id = this.random.word() & 0xffff;
    if (packet.isIcmpError) {
      if (!changeError(packet, this.icmpErrors, ends, id)) return this.refuse(REASON_TRANSLATE);
    } else {
      if (this.isTooBig(packet, route)) return DROP;
      changeFamily(packet, ends, id);
    }
    return this.forward(packet);
  }

  private refuse(reason: number): number {
    this.statistics.count(reason);
    return DROP;
  }

  private forward({ packet: frame, on }: Descriptor): number {
    frame.generated = true;
    // Not the sender's fault that it leaves where it came in: no redirects.
    frame.routed++;
    frame.scope = on.index;
    if (frame.family === 4) this.ipv4.reinject(frame, on);
    else this.ipv6.reinject(frame, on);
    return TAKEN;
  }

  /** Whether it fits the way on neither whole nor cut; the sender is told what would. */
  private isTooBig(packet: Descriptor, route: Route): boolean {
    const { packet: frame } = packet;
    const mtu = route.mtu > 0 ? Math.min(route.mtu, route.on.mtu) : route.on.mtu;
    const longer = growth(packet);
    const length = pieceLength(frame) + longer;
    if (frame.fragmentSize > 0 || length <= mtu) return false;
    if (packet.family === 6) {
      if (length <= siit.FRAGMENTABLE) return false;
      this.replies.error(packet, icmp6.TYPE_PACKET_TOO_BIG, 0, Math.max(ipv6.MINIMUM_MTU, mtu - longer));
      return true;
    }
    if (frame.gsoType === GSO_NONE && !ipv4.dontFragment(frame.bytes, frame.network)) return false;
    this.replies.error(packet, icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_NEED_FRAGMENT, mtu - longer);
    return true;
  }
}
