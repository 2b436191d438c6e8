// SPDX-License-Identifier: ISC
//
// Packets as nobody would send them, through random rulesets of everything pf can do: the kernel lives, answers each packet with few, keeps
// to its limits, and has forgotten all of it when its time is over.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as icmp from '../../appliance/wire/icmp.ts';
import * as ipv4 from '../../appliance/wire/ipv4.ts';
import * as tcp from '../../appliance/wire/tcp.ts';
import { answers } from '../kernel/inet6/messages.ts';
import { Filter } from '../kernel/pf/filter.ts';
import {
  frame,
  icmp6Message,
  icmpMessage,
  ip4,
  ip6,
  type Network,
  type Transport,
  tcpSegment,
  udp,
} from '../support/packets.ts';
import {
  LEFT,
  LEFT_LINK,
  LEFT_OWN,
  RIGHT,
  RIGHT_LINK,
  RIGHT_OWN,
  VR0_LINK,
  VR1_LINK,
} from '../support/router.ts';

const LEFT6 = '2001:db8:1::9';
const RIGHT6 = '2001:db8:2::9';
const EMBEDDED = '64:ff9b::c633:6409';
const STATES = 60;
/** What one packet may cause at most: pieces, answers, errors about them. */
const ANSWERS = 64;

const HEAD = [
  `set limit { states ${STATES}, src-nodes 20, frags 50, table-entries 100 }`,
  'set timeout { tcp.established 20, tcp.closing 10, interval 1, frag 5 }',
];

const RULES: readonly string[] = [
  'pass',
  'block return',
  'block return in proto udp to port 53',
  'pass in proto tcp to port 80 synproxy state',
  'pass in proto tcp modulate state',
  'pass in proto tcp flags any keep state (sloppy)',
  'pass no state',
  'pass in on vr0 inet6 to 64:ff9b::/96 af-to inet from 198.51.100.1',
  'pass in on vr1 inet to 198.51.100.77 af-to inet6 from 2001:db8:2::/96 bitmask to 2001:db8:1::9',
  'match out on vr1 inet nat-to (vr1)',
  'match in on vr0 proto { tcp, udp } to 192.0.2.1 port 1:1000 rdr-to 198.51.100.9 port 2000:2100',
  'pass on vr1 inet from 192.0.2.9 binat-to 198.51.100.50',
  'pass in on vr0 inet route-to 198.51.100.9',
  'pass in on vr0 inet reply-to 192.0.2.9',
  'pass in on vr0 inet dup-to 198.51.100.9',
  'match scrub (no-df random-id min-ttl 9 max-mss 500 reassemble tcp)',
  'pass in proto tcp keep state (max 5, source-track rule, max-src-nodes 2, max-src-states 3, max-src-conn 2, overload <t> flush global)',
  'block in from <t>',
  'pass in inet proto icmp icmp-type echoreq tag x',
  'block in proto tcp from any os unknown',
  'pass in probability 30% allow-opts',
  'pass in quick proto tcp to port 81 once',
  'pass in max-pkt-rate 3/5',
  'anchor in on vr0 {\npass quick tagged x\n}',
];

const OPTIONS = [
  'set syncookies always',
  'set syncookies adaptive (start 10%, end 5%)',
  'set reassemble no',
  '',
];

const rulesets = fc
  .tuple(
    fc.constantFrom(...OPTIONS),
    fc.constantFrom('set state-policy if-bound', ''),
    fc.array(fc.constantFrom(...RULES), { minLength: 1, maxLength: 6 }),
  )
  .map(
    ([option, policy, rules]) => `${[...HEAD, option, policy, 'table <t> persist', ...rules].join('\n')}\n`,
  );

const number = fc.constantFrom(0, 1, 1000, 1001, 2000, 2001, -1, 0x7fffffff);
const port = fc.constantFrom(0, 53, 80, 81, 1024, 1025, 50_001, 65_535);
const flags = fc.constantFrom(2, 2, 0x12, 0x10, 0x10, 0x11, 0x18, 4, 0x14, 0, 0xff, 6, 3);
const data = fc.constantFrom(0, 1, 8, 100, 1400);

const transports: fc.Arbitrary<(family: 4 | 6) => Transport> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({
        from: port,
        to: port,
        sequence: number,
        acknowledgment: number,
        flags,
        options: fc.constantFrom(
          [],
          [2, 4, 5, 180],
          [2, 4, 5, 180, 1, 3, 3, 7],
          [8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1],
        ),
        data,
      })
      .map(
        ({ options, data: length, ...header }) =>
          () =>
            tcpSegment({ ...header, options: Uint8Array.from(options) }, length),
      ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(port, port, data).map(
      ([from, to, length]) =>
        () =>
          udp(from, to, length),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.boolean(), port).map(
      ([reply, id]) =>
        (family: 4 | 6) =>
          family === 4
            ? icmpMessage(reply ? icmp.TYPE_ECHO_REPLY : icmp.TYPE_ECHO, 0, icmp.echoRest(id, 1), 'ping')
            : icmp6Message(reply ? 129 : 128, 0, icmp.echoRest(id, 1), 'ping'),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        type: fc.constantFrom(1, 2, 3, 4, 5, 11, 12),
        code: fc.nat({ max: 16 }),
        rest: number,
        from: port,
        to: port,
        sequence: number,
        cut: fc.nat({ max: 60 }),
      })
      .map(({ type, code, rest, cut, ...header }) => (family: 4 | 6) => {
        const inner = tcpSegment(header, 8);
        const quoted =
          family === 4
            ? ip4({ source: RIGHT_OWN, destination: RIGHT }, inner)
            : ip6({ source: RIGHT6, destination: LEFT6 }, inner);
        const bytes = quoted.bytes.subarray(0, Math.max(0, quoted.bytes.length - cut));
        return (family === 4 ? icmpMessage : icmp6Message)(type, code, rest, bytes);
      }),
  },
);

interface Sent {
  readonly fromLeft: boolean;
  readonly network: Network;
  readonly seconds: number;
}

const packets: fc.Arbitrary<Sent> = fc
  .record({
    family: fc.constantFrom<4 | 6>(4, 4, 6),
    fromLeft: fc.boolean(),
    destination: fc.nat({ max: 4 }),
    make: transports,
    ttl: fc.constantFrom(64, 64, 64, 1, 0),
    fragment: fc.constantFrom(0, 0, 0, ipv4.FRAGMENT_DF, ipv4.FRAGMENT_MF, 5, ipv4.FRAGMENT_MF | 1),
    changes: fc.array(fc.tuple(fc.nat({ max: 119 }), fc.nat({ max: 255 })), { maxLength: 3 }),
    spoils: fc.integer({ min: 0, max: 3 }),
    cut: fc.constantFrom(0, 0, 0, 0, 1, 20, 60),
    seconds: fc.constantFrom(0, 0, 0, 0, 1, 30),
  })
  .map(({ family, fromLeft, destination, make, ttl, fragment, changes, spoils, cut, seconds }) => {
    const pick = (left: readonly string[], right: readonly string[]) =>
      (fromLeft ? left : right)[destination % (fromLeft ? left : right).length]!;
    const network =
      family === 4
        ? ip4(
            {
              source: fromLeft ? LEFT : RIGHT,
              destination: pick(
                [RIGHT, LEFT_OWN, '198.51.100.50', '203.0.113.1'],
                [LEFT, RIGHT_OWN, '198.51.100.77', '198.51.100.50'],
              ),
              ttl,
              fragment,
            },
            make(4),
          )
        : ip6(
            {
              source: fromLeft ? LEFT6 : RIGHT6,
              destination: pick(
                [RIGHT6, EMBEDDED, '64:ff9b::1', '2001:db8:1::1'],
                [LEFT6, '2001:db8:2::1', EMBEDDED],
              ),
              hops: ttl,
            },
            make(6),
          );
    const bytes = network.bytes.slice(0, Math.max(1, network.bytes.length - cut));
    if (spoils === 0) for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    // A header that IP takes, so that what is wrong gets further.
    if (bytes.length >= ipv4.HEADER_LENGTH && ipv4.version(bytes, 0) === 4) {
      if (ipv4.headerLength(bytes, 0) <= bytes.length) {
        if (cut > 0) ipv4.setTotalLength(bytes, 0, bytes.length);
        ipv4.fillChecksum(bytes, 0);
      }
    }
    return { fromLeft, network: { type: network.type, bytes }, seconds };
  });

function begin(text: string): Filter {
  const filter = new Filter(text);
  const { host, left, right, world } = filter.router;
  host.address('vr0', '2001:db8:1::1/64');
  host.address('vr1', '2001:db8:2::1/64');
  host.call('sysctl.set', { name: 'net.inet6.ip6.forwarding', value: 1 });
  answers(left, LEFT_LINK, [LEFT6]);
  answers(right, RIGHT_LINK, [RIGHT6]);
  world.run(3_000_000);
  left.take();
  right.take();
  return filter;
}

test('random rulesets, random conversations', () => {
  fc.assert(
    fc.property(rulesets, fc.array(packets, { minLength: 1, maxLength: 40, size: 'max' }), (text, list) => {
      const filter = begin(text);
      const { host, left, right, world } = filter.router;
      for (const { fromLeft, network, seconds } of list) {
        const link = fromLeft ? { to: VR0_LINK, from: LEFT_LINK } : { to: VR1_LINK, from: RIGHT_LINK };
        (fromLeft ? left : right).send(frame(link, network));
        world.run(1_000);
        const came = left.take().length + right.take().length;
        assert.ok(came <= ANSWERS, `${came} packets for one`);
        if (seconds > 0) filter.pass(seconds);
        const { states, sourceNodes, fragments } = host.call('pf.status', {});
        assert.ok(states.current <= STATES && sourceNodes.current <= 20 && fragments <= 50);
        assert.ok(states.halfOpen >= 0 && states.halfOpen <= states.current);
        assert.equal(states.inserts - states.removals, states.current);
      }
      assert.equal(filter.states().length, host.call('pf.status', {}).states.current);
      filter.pass(300);
      const { states, fragments } = host.call('pf.status', {});
      assert.deepEqual([states.current, states.halfOpen, fragments], [0, 0, 0]);
    }),
    { numRuns: 700 },
  );
});

test('one connection, every flag, every order', () => {
  const segments = fc.record({
    forward: fc.boolean(),
    flags,
    sequence: number,
    acknowledgment: number,
    data,
  });
  fc.assert(
    fc.property(
      fc.constantFrom('keep', 'modulate', 'synproxy'),
      fc.array(segments, { minLength: 1, maxLength: 30, size: 'max' }),
      (keep, list) => {
        const filter = new Filter(
          `${HEAD.join('\n')}\npass in proto tcp flags any ${keep} state\npass out\n`,
        );
        for (const { forward, data: length, ...header } of [
          { forward: true, flags: tcp.FLAG_SYN, sequence: 1000, acknowledgment: 0, data: 0 },
          ...list,
        ]) {
          const ports = forward ? { from: 1024, to: 80 } : { from: 80, to: 1024 };
          const segment = tcpSegment({ ...ports, ...header }, length);
          // Whatever comes out has right checksums: `heard` sees to it.
          if (forward) filter.left(ip4({ source: LEFT, destination: RIGHT }, segment));
          else filter.right(ip4({ source: RIGHT, destination: LEFT }, segment));
        }
        assert.ok(filter.states().length <= 4);
      },
    ),
    { numRuns: 700 },
  );
});
