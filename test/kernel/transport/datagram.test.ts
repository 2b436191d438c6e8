// SPDX-License-Identifier: ISC
//
// UDP (RFC 768, RFC 1122 4.1, RFC 8200 8.1) and raw sockets (RFC 3542) between kernels and against made-up frames.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress } from '../../../appliance/abi/addressText.ts';
import type { SocketEvents, SocketType } from '../../../appliance/abi/socket.ts';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import * as udp from '../../../appliance/wire/udp.ts';
import { data, frame, ip4, ip6, udp as udpDatagram } from '../../support/packets.ts';
import { type Host, type Station, World } from '../../support/world.ts';
import { endpoint } from './userland.ts';

/** A socket with what it was told. */
class Socket {
  readonly host: Host;
  readonly id: number;
  readonly messages: SocketEvents['socket.datagram'][] = [];
  readonly errors: (string | undefined)[] = [];

  constructor(host: Host, type: SocketType, family: 4 | 6, protocol?: number) {
    this.host = host;
    this.id = host.call('socket.open', { type, family, ...(protocol === undefined ? {} : { protocol }) });
    host.on('socket.datagram', (message) => {
      if (message.id === this.id) this.messages.push(message);
    });
    host.on('socket.closed', (event) => {
      if (event.id === this.id) this.errors.push(event.error);
    });
  }

  send(address: string, port: number, bytes: Uint8Array, hops?: number): void {
    const remote = endpoint(address, port);
    this.host.call('socket.sendTo', {
      id: this.id,
      remote,
      data: bytes,
      ...(hops === undefined ? {} : { hops }),
    });
  }

  bind(port: number, address?: string): void {
    const at = address === undefined ? {} : { address: endpoint(address, 0).address };
    this.host.call('socket.bind', { id: this.id, port, ...at });
  }
}

/** a and c on either side of the router b: 192.0.2.0/24 and 198.51.100.0/24, 2001:db8:1::/64 and 2001:db8:2::/64. */
function line(): { world: World; a: Host; b: Host; c: Host; station: Station } {
  const world = new World();
  const [left, right] = [world.wire(), world.wire()];
  const [a, b, c] = [world.host('a'), world.host('b'), world.host('c')];
  const station = world.station('station', left);
  a.connect('vr0', left, { linkAddress: '02:00:00:00:01:01' });
  b.connect('vr0', left);
  b.connect('vr1', right);
  c.connect('vr0', right);
  for (const [host, name, net, last] of [
    [a, 'vr0', 1, 1],
    [b, 'vr0', 1, 254],
    [b, 'vr1', 2, 254],
    [c, 'vr0', 2, 1],
  ] as const) {
    host.address(name, net === 1 ? `192.0.2.${last}/24` : `198.51.100.${last}/24`);
    host.address(name, `2001:db8:${net}::${last.toString(16)}/64`);
  }
  a.route('default', '192.0.2.254');
  a.route('default', '2001:db8:1::fe');
  c.route('default', '198.51.100.254');
  c.route('default', '2001:db8:2::fe');
  b.call('sysctl.set', { name: 'net.inet.ip.forwarding', value: 1 });
  b.call('sysctl.set', { name: 'net.inet6.ip6.forwarding', value: 1 });
  world.run(5_000_000);
  return { world, a, b, c, station };
}

const FAR = { 4: '198.51.100.1', 6: '2001:db8:2::1' } as const;

for (const family of [4, 6] as const) {
  test(`UDP over IPv${family}: there and back, of every size`, () => {
    const { world, a, c } = line();
    const [client, server] = [new Socket(a, 'udp', family), new Socket(c, 'udp', family)];
    server.bind(7);
    for (const length of [0, 1, 1472, 1473, 4000, 65_507]) {
      client.send(FAR[family], 7, data(length));
      world.run(2_000_000);
      const message = server.messages.pop()!;
      assert.deepEqual(message.data, data(length), `${length} bytes`);
      assert.equal(message.hops, 63);
      assert.equal(formatAddress(message.to), FAR[family]);
      c.call('socket.sendTo', { id: server.id, remote: message.from, data: data(length) });
      world.run(2_000_000);
      assert.deepEqual(client.messages.pop()!.data, data(length));
    }
  });

  test(`UDP over IPv${family}: a closed port is told to a connected socket`, () => {
    const { world, a } = line();
    const client = new Socket(a, 'udp', family);
    client.send(FAR[family], 9, data('x'));
    world.run(1_000_000);
    assert.deepEqual(client.errors, []);
    a.call('socket.connect', { id: client.id, remote: endpoint(FAR[family], 9) });
    a.call('socket.send', { id: client.id, data: data('x') });
    world.run(1_000_000);
    assert.deepEqual(client.errors, ['ECONNREFUSED']);
  });

  test(`UDP over IPv${family}: a connected socket hears its peer only`, () => {
    const { world, a, b, c } = line();
    const client = new Socket(a, 'udp', family);
    client.bind(1000);
    a.call('socket.connect', { id: client.id, remote: endpoint(FAR[family], 7) });
    const local = family === 4 ? '192.0.2.1' : '2001:db8:1::1';
    for (const [host, port] of [[b, 7] as const, [c, 8] as const, [c, 7] as const]) {
      const sender = new Socket(host, 'udp', family);
      sender.bind(port);
      sender.send(local, 1000, data(`${host.name} ${port}`));
      world.run(1_000_000);
    }
    assert.deepEqual(
      client.messages.map((message) => String.fromCharCode(...message.data)),
      ['c 7'],
    );
  });

  test(`UDP over IPv${family}: the socket of the address goes before the one of any`, () => {
    const { world, a, c } = line();
    const any = new Socket(c, 'udp', family);
    any.bind(53);
    assert.throws(() => new Socket(c, 'udp', family).bind(53, FAR[family]), { code: 'EADDRINUSE' });
    const other = new Socket(c, 'udp', family === 4 ? 6 : 4);
    other.bind(53);
    new Socket(a, 'udp', family).send(FAR[family], 53, data('x'));
    world.run(1_000_000);
    assert.deepEqual([any.messages.length, other.messages.length], [1, 0]);
  });

  test(`traceroute over IPv${family}: time exceeded on the way, port unreachable at the end`, () => {
    const { world, a } = line();
    const protocol = family === 4 ? ipv4.PROTOCOL_ICMP : ipv6.NEXT_ICMP6;
    const [probe, raw] = [new Socket(a, 'udp', family), new Socket(a, 'raw', family, protocol)];
    for (const hops of [1, 2]) {
      probe.send(FAR[family], 33_434 + hops, data('probe'), hops);
      world.run(1_000_000);
    }
    const seen = raw.messages.filter(({ data: bytes }) => {
      return family === 4 || (icmp6.isError(icmp6.type(bytes, 0)) === true && icmp6.type(bytes, 0) < 100);
    });
    assert.deepEqual(
      seen.map((message) => [formatAddress(message.from.address), icmp.type(message.data, 0)]),
      family === 4
        ? [
            ['192.0.2.254', icmp.TYPE_TIME_EXCEEDED],
            [FAR[4], icmp.TYPE_UNREACHABLE],
          ]
        : [
            ['2001:db8:1::fe', icmp6.TYPE_TIME_EXCEEDED],
            [FAR[6], icmp6.TYPE_UNREACHABLE],
          ],
    );
    const quoted = icmp.payloadAt(0) + (family === 4 ? ipv4.HEADER_LENGTH : ipv6.HEADER_LENGTH);
    assert.deepEqual(
      seen.map((message) => udp.destinationPort(message.data, quoted)),
      [33_435, 33_436],
    );
  });

  test(`a next hop over IPv${family}: to this neighbour, though the address is one of ours; to no other machine`, () => {
    const { world, a, b } = line();
    const protocol = family === 4 ? ipv4.PROTOCOL_ICMP : ipv6.NEXT_ICMP6;
    const shared = family === 4 ? '203.0.113.80' : '2001:db8:80::80';
    const neighbor = family === 4 ? '192.0.2.254' : '2001:db8:1::fe';
    for (const host of [a, b]) host.address('lo0', `${shared}/${family === 4 ? 32 : 128}`);
    world.run(2_000_000);
    const raw = new Socket(a, 'raw', family, protocol);
    const message = data(16);
    const type = family === 4 ? icmp.TYPE_ECHO : icmp6.TYPE_ECHO;
    icmp.write(message, 0, type, 0, icmp.echoRest(7, 1));
    if (family === 4) icmp.fillChecksum(message, 0, message.length);
    const send = (socket: Socket, nextHop: string) =>
      a.call('socket.sendTo', {
        id: socket.id,
        remote: endpoint(shared, 0),
        data: message,
        nextHop: endpoint(nextHop, 0).address,
      });
    b.moved();
    send(raw, neighbor);
    world.run(2_000_000);
    const reply = family === 4 ? icmp.TYPE_ECHO_REPLY : icmp6.TYPE_ECHO_REPLY;
    const answers = raw.messages.filter((one) => icmp.type(one.data, 0) === reply);
    assert.deepEqual(
      answers.map((one) => formatAddress(one.from.address)),
      [shared],
    );
    const { icmp: answered4, icmp6: answered6 } = b.moved();
    assert.equal(
      family === 4 ? answered4?.replies : answered6?.reflected,
      1,
      'it was the neighbour that answered',
    );
    assert.throws(() => send(raw, FAR[family]), { code: /EHOSTUNREACH|ENETUNREACH/ });
    assert.throws(() => send(new Socket(a, 'udp', family), neighbor), { code: 'EOPNOTSUPP' });
  });

  test(`ping over IPv${family}: an echo comes back with its data and hops, to every socket that listens`, () => {
    const { world, a } = line();
    const protocol = family === 4 ? ipv4.PROTOCOL_ICMP : ipv6.NEXT_ICMP6;
    const [one, two] = [new Socket(a, 'raw', family, protocol), new Socket(a, 'raw', family, protocol)];
    const request = new Uint8Array(icmp.HEADER_LENGTH + 4000);
    request.set(data(4000), icmp.HEADER_LENGTH);
    if (family === 4) {
      icmp.write(request, 0, icmp.TYPE_ECHO, 0, icmp.echoRest(5, 1));
      icmp.fillChecksum(request, 0, request.length);
    } else {
      icmp6.write(request, 0, icmp6.TYPE_ECHO, 0, icmp6.echoRest(5, 1)); // the kernel fills in the checksum
    }
    one.send(FAR[family], 0, request);
    world.run(2_000_000);
    const reply = family === 4 ? icmp.TYPE_ECHO_REPLY : icmp6.TYPE_ECHO_REPLY;
    for (const socket of [one, two]) {
      const answers = socket.messages.filter((message) => icmp.type(message.data, 0) === reply);
      assert.equal(answers.length, 1);
      assert.equal(answers[0]!.hops, 63);
      assert.deepEqual(answers[0]!.data.slice(icmp.HEADER_LENGTH), data(4000));
    }
  });
}

test('checksums: none is fine in IPv4 and not in IPv6, a wrong one never', () => {
  const { world, a, station } = line();
  const links = { to: '02:00:00:00:01:01', from: '02:00:00:00:aa:09' };
  const ends4 = { source: '192.0.2.9', destination: '192.0.2.1' };
  const ends6 = { source: '2001:db8:1::9', destination: '2001:db8:1::1' };
  const [four, six] = [new Socket(a, 'udp', 4), new Socket(a, 'udp', 6)];
  for (const socket of [four, six]) socket.bind(53);
  a.moved();
  for (const [bytes, network] of [
    [frame(links, ip4(ends4, udpDatagram(9, 53, 'x'))), 20],
    [frame(links, ip6(ends6, udpDatagram(9, 53, 'x'))), 40],
  ] as const) {
    const at = 14 + network;
    const good = udp.checksum(bytes, at);
    for (const checksum of [good, 0, good ^ 1]) {
      udp.setChecksum(bytes, at, checksum);
      station.send(bytes);
      world.run(1000);
    }
  }
  assert.deepEqual([four.messages.length, six.messages.length], [2, 1]);
  assert.deepEqual(a.moved().udp, { received: 6, noChecksum: 1, badChecksum: 3, delivered: 3 });
});

test('what follows the datagram in its packet is not part of it; lengths that cannot be are counted', () => {
  const { world, a, station } = line();
  const links = { to: '02:00:00:00:01:01', from: '02:00:00:00:aa:09' };
  const socket = new Socket(a, 'udp', 4);
  socket.bind(53);
  a.moved();
  for (const length of [8 + 3, 7, 8 + 6]) {
    const bytes = frame(
      links,
      ip4({ source: '192.0.2.9', destination: '192.0.2.1' }, udpDatagram(9, 53, 'xyz12')),
    );
    udp.setLength(bytes, 34, length);
    udp.fillChecksum4(bytes, 14, 34, 34 + Math.min(length, 13));
    station.send(bytes);
    world.run(1000);
  }
  assert.deepEqual(
    socket.messages.map((message) => String.fromCharCode(...message.data)),
    ['xyz'],
  );
  assert.deepEqual(a.moved().udp, { received: 3, badLength: 2, delivered: 1 });
});

test('a connection with oneself, by any address of ours', () => {
  const { world, a } = line();
  const listener = a.call('socket.open', { type: 'tcp', family: 4 });
  a.call('socket.bind', { id: listener, port: 80 });
  a.call('socket.listen', { id: listener, backlog: 5 });
  for (const address of ['127.0.0.1', '192.0.2.1']) {
    a.events.length = 0;
    const id = a.call('socket.open', { type: 'tcp', family: 4 });
    a.call('socket.connect', { id, remote: endpoint(address, 80) });
    world.run(1_000_000);
    const names = a.events.map((event) => event.event).filter((name) => name.startsWith('socket.'));
    assert.deepEqual(names.sort(), ['socket.accepted', 'socket.connected']);
    a.call('socket.close', { id });
  }
});
