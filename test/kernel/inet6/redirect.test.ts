// SPDX-License-Identifier: ISC
//
// Redirects (RFC 4861 8): sent to a neighbour whose packet leaves by the interface it came in by, and heeded by a host that wants to.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, parseAddress } from '../../../appliance/abi/addressText.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import * as nd6 from '../../../appliance/wire/nd6.ts';
import { frame, icmp6Message, ip6, udp, words6 } from '../../support/packets.ts';
import { answers, seen } from './messages.ts';
import { LEFT, LEFT_LINK, LEFT_LOCAL, Router6, SECOND, VR0_LINK, VR0_LOCAL } from './router6.ts';

const OTHER_LINK = '02:00:00:00:aa:77';
const OTHER = '2001:db8:1::77';
const OTHER_LOCAL = 'fe80::77';
const FAR = '2001:db8:5::1';

/** A router that sends everything for 2001:db8:5::/48 to a gateway on the left. */
function beside(gateway: string): Router6 {
  const router = new Router6();
  answers(router.left, OTHER_LINK, [OTHER, OTHER_LOCAL, LEFT, LEFT_LOCAL]);
  router.host.call('route.add', {
    destination: { family: 6, words: words6('2001:db8:5::'), length: 48 },
    gateway: parseAddress(gateway)!,
    interface: 'vr0',
  });
  return router.introduce();
}

function packet(destination = FAR, source = LEFT) {
  return ip6({ source, destination }, udp(1, 2, 'hello'));
}

/** The first redirect among these frames: from, to, target, destination. */
function redirect(frames: readonly Uint8Array[]): string[] | undefined {
  const found = frames.find((bytes) => seen(bytes)?.type === icmp6.TYPE_REDIRECT);
  if (found === undefined) return undefined;
  const at = ethernet.HEADER_LENGTH + ipv6.HEADER_LENGTH;
  assert.ok(nd6.valid(found, at, found.length));
  assert.equal(ipv6.hopLimit(found, ethernet.HEADER_LENGTH), 255);
  assert.ok(found.length <= ethernet.HEADER_LENGTH + 1280);
  const text = (position: number) =>
    formatAddress({ family: 6, words: [0, 1, 2, 3].map((i) => ipv6.addressWord(found, position, i)) });
  const { from, to } = seen(found)!;
  return [from, to, text(nd6.targetAt(at)), text(nd6.redirectDestinationAt(at))];
}

test('a neighbour hears of a gateway on its own link, and its packet goes on', () => {
  const router = beside(OTHER_LOCAL);
  const out = router.fromLeft(packet());
  assert.deepEqual(redirect(out.left), [VR0_LOCAL, LEFT, OTHER_LOCAL, FAR]);
  assert.equal(router.host.moved().ip6?.redirectsSent, 1);
  router.world.run(1000);
  assert.equal(router.host.moved().ip6?.forwarded ?? 1, 1);
});

test('a neighbour hears that the destination is its neighbour too', () => {
  const router = beside(OTHER_LOCAL);
  assert.deepEqual(redirect(router.fromLeft(packet(OTHER)).left), [VR0_LOCAL, LEFT, OTHER, OTHER]);
});

test('a long packet is quoted so that the redirect stays within 1280 bytes', () => {
  const router = beside(OTHER_LOCAL);
  const long = ip6({ source: LEFT, destination: FAR }, udp(1, 2, 1400));
  assert.notEqual(redirect(router.fromLeft(long).left), undefined);
});

const SILENT = [
  ['a gateway that is known by another address', OTHER, LEFT, 1],
  ['a sender who is no neighbour', OTHER_LOCAL, '2001:db8:7::1', 1],
  ['net.inet6.ip6.redirect=0', OTHER_LOCAL, LEFT, 0],
] as const;

for (const [name, gateway, source, setting] of SILENT) {
  test(`no redirect: ${name}`, () => {
    const router = beside(gateway);
    router.set('net.inet6.ip6.redirect', setting);
    assert.equal(redirect(router.fromLeft(packet(FAR, source)).left), undefined);
  });
}

/** A redirect from the station on the left to the host. */
function told(source: string, target: string, destination: string, hops = 255): Uint8Array {
  const body = new Uint8Array(40);
  const view = new DataView(body.buffer);
  for (const [at, address] of [
    [0, target],
    [16, destination],
  ] as const) {
    words6(address).forEach((word, i) => {
      view.setInt32(at + 4 * i, word);
    });
  }
  nd6.writeLladdrOption(body, 32, nd6.OPTION_TARGET_LLADDR, 0x0200, 0xaa77);
  return frame(
    { to: VR0_LINK, from: LEFT_LINK },
    ip6({ source, destination: '2001:db8:1::1', hops }, icmp6Message(icmp6.TYPE_REDIRECT, 0, 0, body)),
  );
}

function gatewayTo(router: Router6, destination: string): string | undefined {
  const { gateway } = router.host.call('route.get', { destination: parseAddress(destination)! });
  return gateway && formatAddress(gateway);
}

test('a host that accepts redirects takes one from the gateway it uses, for ten minutes', () => {
  const router = new Router6({ forwarding: false });
  router.host.call('route.add', {
    destination: { family: 6, words: [0, 0, 0, 0], length: 0 },
    gateway: parseAddress(LEFT_LOCAL)!,
    interface: 'vr0',
  });
  router.inject(told(LEFT_LOCAL, OTHER_LOCAL, FAR));
  assert.equal(gatewayTo(router, FAR), LEFT_LOCAL);
  router.set('net.inet6.icmp6.rediraccept', 1);
  router.inject(told('fe80::bad', OTHER_LOCAL, FAR));
  router.inject(told(LEFT_LOCAL, OTHER, FAR));
  router.inject(told(LEFT_LOCAL, OTHER_LOCAL, FAR, 254));
  assert.equal(gatewayTo(router, FAR), LEFT_LOCAL);
  const { icmp6: counted } = router.host.moved();
  assert.deepEqual([counted?.redirectsIgnored, counted?.badRedirect], [2, 2]);
  router.inject(told(LEFT_LOCAL, OTHER_LOCAL, FAR));
  assert.equal(gatewayTo(router, FAR), OTHER_LOCAL);
  router.inject(told(OTHER_LOCAL, FAR, FAR));
  assert.equal(gatewayTo(router, FAR), undefined);
  router.world.run(601 * SECOND);
  assert.equal(gatewayTo(router, FAR), LEFT_LOCAL);
});
