// SPDX-License-Identifier: ISC
//
// The packets' view: a list that follows or stays, and one packet as a tree.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TracedFrame } from '../../../appliance/user/captureJson.ts';
import { ASCII } from '../../../appliance/user/console/glyphs.ts';
import type { Row } from '../../../appliance/user/console/styled.ts';
import {
  MOST_PACKETS,
  moveInPackets,
  moveInTree,
  NO_PACKETS,
  type PacketTree,
  packetRows,
  treeOf,
  treeRows,
  withPackets,
} from '../../../appliance/user/console/views/packetsModel.ts';

const packet = (n: number): TracedFrame => ({
  time: n * 1_000_000,
  linkType: 1,
  wireLength: 60,
  text: `packet ${n}\nmore of it`,
  bytes: new Uint8Array(60),
});
const packets = (from: number, count: number) => Array.from({ length: count }, (_, i) => packet(from + i));
const textsOf = (rows: readonly Row[]) =>
  rows.map((cells) =>
    cells
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  );
const selectedOf = (rows: readonly Row[]) => textsOf(rows.filter(([cell]) => cell!.style === 'selected'));

test('the list follows what comes until it is moved, and keeps what is selected', () => {
  let list = withPackets(NO_PACKETS, packets(0, 10));
  const seen = () => packetRows(list, 3, 40);
  assert.deepEqual(textsOf(seen()), [
    '00:00:07.000000 packet 7',
    '00:00:08.000000 packet 8',
    '00:00:09.000000 packet 9',
  ]);
  assert.deepEqual(selectedOf(seen()), ['00:00:09.000000 packet 9']);
  list = moveInPackets(list, { name: 'up' }, 3)!;
  list = withPackets(list, packets(10, 5));
  assert.deepEqual(selectedOf(seen()), ['00:00:08.000000 packet 8']);
  list = moveInPackets(list, { name: 'end' }, 3)!;
  list = withPackets(list, packets(15, 1));
  assert.deepEqual(selectedOf(seen()), ['00:00:15.000000 packet 15']);
});

test('the oldest packets go, what is selected stays selected', () => {
  let list = withPackets(NO_PACKETS, packets(0, MOST_PACKETS));
  for (let i = 0; i < 5; i++) list = moveInPackets(list, { name: 'up' }, 20)!;
  list = withPackets(list, packets(MOST_PACKETS, 10));
  assert.equal(list.packets.length, MOST_PACKETS / 2);
  assert.equal(list.packets[list.list.selected]!.time, (MOST_PACKETS - 6) * 1_000_000);
  for (let i = 0; i < 20; i++) list = withPackets(list, packets(i, 1_000));
  assert.ok(list.packets.length <= MOST_PACKETS);
});

const LAYERS = [
  { name: 'Ethernet', fields: [['type', '0x0800']] },
  {
    name: 'IPv4',
    fields: [
      ['ttl', '64'],
      ['source', '10.0.0.1'],
    ],
  },
  { name: '60 bytes', fields: [['0000', '4500']] },
] as const;

test('headers are folded and unfolded', () => {
  let tree: PacketTree = treeOf(LAYERS);
  const seen = () => textsOf(treeRows(tree, 9, { columns: 60, rows: 9, glyphs: ASCII }));
  assert.deepEqual(seen(), [
    ' + Ethernet  type 0x0800',
    ' - IPv4',
    '     ttl     64',
    '     source  10.0.0.1',
    ' + 60 bytes  0000 4500',
  ]);
  const press = (...names: readonly string[]) => {
    for (const name of names) tree = moveInTree(tree, { name }, 9)!;
  };
  press('enter', 'down', 'down', 'down', 'left');
  assert.deepEqual(seen(), [
    ' - Ethernet',
    '     type  0x0800',
    ' + IPv4  ttl 64, source 10.0.0.1',
    ' + 60 bytes  0000 4500',
  ]);
  assert.equal(tree.list.selected, 2);
  press('end', 'right');
  assert.deepEqual(seen().at(-1), '     0000  4500');
  assert.equal(moveInTree(tree, { name: 'x' }, 9), undefined);
});
