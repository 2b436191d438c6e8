// SPDX-License-Identifier: ISC
//
// The same world with the same seed does the same to the byte, faults and all; with another seed it does not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../appliance/kernel/random.ts';
import * as icmp from '../../appliance/wire/icmp.ts';
import { frame, icmpMessage, ip4, udp } from '../support/packets.ts';
import { World } from '../support/world.ts';

const SECOND = 1_000_000;
const HOST = '02:00:00:00:aa:01';

/** Two routers in a row behind a bad cable, a station that talks through them for a minute; everything that was on the wires. */
function run(seed: number): Uint8Array[] {
  const world = new World(seed);
  const random = new Random([seed, 1, 2, 3]);
  const chance = () => random.below(1_000_000) / 1_000_000;
  const faults = { random: chance, loss: 0.1, duplication: 0.1, corruption: 0.1, jitter: 500 };
  const wires = [world.wire(), world.wire({ faults, delay: 100 }), world.wire({ mtu: 600 })];
  const [a, b] = [world.host('a'), world.host('b')];
  a.connect('vr0', wires[0]!, { linkAddress: '02:00:00:00:01:01' });
  a.connect('vr1', wires[1]!);
  b.connect('vr0', wires[1]!);
  b.connect('vr1', wires[2]!, { mtu: 600 });
  a.address('vr0', '10.0.1.1/24');
  a.address('vr1', '10.0.2.1/24');
  b.address('vr0', '10.0.2.2/24');
  b.address('vr1', '10.0.3.1/24');
  a.route('default', '10.0.2.2');
  b.route('default', '10.0.2.1');
  for (const host of [a, b]) host.call('sysctl.set', { name: 'net.inet.ip.forwarding', value: 1 });
  const station = world.station('s', wires[0]!);
  for (let i = 0; i < 200; i++) {
    const destination = ['10.0.3.1', '10.0.3.77', '10.0.2.2', '172.16.0.1'][i & 3]!;
    const transport =
      i % 3 === 0
        ? udp(1000 + i, 53, 100 + random.below(1300))
        : icmpMessage(icmp.TYPE_ECHO, 0, icmp.echoRest(1, i), random.below(1400));
    world.after(random.below(60 * SECOND), () =>
      station.send(
        frame(
          { to: '02:00:00:00:01:01', from: HOST },
          ip4({ source: '10.0.1.9', destination, id: i }, transport),
        ),
      ),
    );
  }
  world.run(120 * SECOND);
  return wires.map((wire) => wire.pcap());
}

test('twice the same seed: the same captures', () => {
  assert.deepEqual(run(1), run(1));
});

test('another seed: other captures', () => {
  assert.notDeepEqual(run(1), run(2));
});
