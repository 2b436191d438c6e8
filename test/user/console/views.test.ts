// SPDX-License-Identifier: ISC
//
// The views' models: what the machine's commands answer, as rows, at several sizes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TopState } from '../../../appliance/user/commands/pftop/topState.ts';
import { ASCII } from '../../../appliance/user/console/glyphs.ts';
import { Rates } from '../../../appliance/user/console/rates.ts';
import type { Row } from '../../../appliance/user/console/styled.ts';
import { balancingRows, itemsOf } from '../../../appliance/user/console/views/balancingModel.ts';
import {
  type FailoverData,
  failoverCounters,
  failoverRows,
} from '../../../appliance/user/console/views/failoverModel.ts';
import {
  countersOf,
  interfacesRows,
  type ShownInterface,
} from '../../../appliance/user/console/views/interfacesModel.ts';
import { packetFor, readRules, rulesRows } from '../../../appliance/user/console/views/rulesModel.ts';
import {
  covers,
  keyOfState,
  type Part,
  questionAround,
  statesRows,
} from '../../../appliance/user/console/views/statesModel.ts';
import type { HostView, RelaydView } from '../../../appliance/user/relayd/control.ts';

const look = (columns = 80, rows = 22) => ({ columns, rows, glyphs: ASCII });
const linesOf = (rows: readonly Row[]) =>
  rows.map((cells) =>
    cells
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  );
/** The style of the first piece with this text. */
const styleOf = (rows: readonly Row[], text: string) =>
  rows.flat().find((one) => one.text.trim() === text)?.style;

function on(name: string, changes: object = {}, counters: object = {}): ShownInterface {
  const none = { inputPackets: 0, inputBytes: 0, inputErrors: 0, inputDrops: 0, inputMulticasts: 0 };
  const out = { outputPackets: 0, outputBytes: 0, outputErrors: 0, outputDrops: 0, outputMulticasts: 0 };
  return {
    name,
    type: 'ethernet',
    flags: 1,
    link: 'active',
    mtu: 1500,
    addresses: [{ address: '10.0.0.1', length: 24 }],
    counters: { ...none, ...out, collisions: 0, ...counters },
    ...changes,
  };
}

test('interfaces: rates of the last second, trouble, the selected one in full', () => {
  const rates = new Rates();
  rates.take(0, countersOf([on('vr0'), on('vr1')]));
  const later = [
    on('vr0', {}, { inputBytes: 250_000, inputPackets: 200, inputDrops: 3 }),
    on('vr1', { flags: 0 }),
  ];
  rates.take(2, countersOf(later));
  const rows = interfacesRows(later, rates, 1, look());
  const lines = linesOf(rows);
  assert.match(lines[1]!, /^vr0 +active +1\.0Mb\/s +# +0b\/s .* 3$/);
  assert.match(lines[2]!, /^vr1 +down /);
  assert.equal(lines.at(-4), ' vr1: ethernet  mtu 1500');
  assert.equal(styleOf(rows, '3'), 'bad');
  assert.ok(rows[2]!.every(({ style }) => style === 'selected'));
});

test('interfaces: more of them than rows, the selected one is seen', () => {
  const many = Array.from({ length: 60 }, (_, i) => on(`vr${i}`));
  for (const selected of [0, 17, 30, 59]) {
    const rows = interfacesRows(many, new Rates(), selected, look(80, 12));
    assert.ok(rows.length <= 12);
    assert.ok(
      linesOf(rows).some((line) => line.startsWith(`vr${selected} `)),
      `vr${selected}`,
    );
  }
});

function state(id: number, changes: Partial<TopState> = {}): TopState {
  return {
    id: String(id),
    creatorId: '0badcafe',
    protocol: 'tcp',
    direction: 'in',
    interface: 'all',
    source: `10.0.0.${id}:50000`,
    destination: '192.0.2.1:80',
    gateway: '',
    state: 'ESTABLISHED:ESTABLISHED',
    age: 61,
    expires: 3600,
    packets: 10,
    bytes: 1500 * id,
    rule: 3,
    anchor: '',
    ...changes,
  };
}

test('states: what there is, the window, the rate of each', () => {
  const states = [state(2), state(1)];
  const rates = new Rates();
  rates.take(0, new Map(states.map((one) => [keyOfState(one), 0])));
  rates.take(1, new Map(states.map((one) => [keyOfState(one), one.bytes])));
  const top = { total: 70_000, matching: 70_000, states };
  const part: Part = { order: 'bytes', filter: '', first: 40, count: 2, top };
  const shown = { part, selected: 41, from: 40 };
  const wide = linesOf(statesRows(shown, rates, look(200)));
  assert.equal(wide[0], ' 70000 states  by bytes  42 of 70000');
  assert.match(
    wide[2]!,
    /^tcp +I 10\.0\.0\.2:50000 192\.0\.2\.1:80 .* 0:01:01 1:00:00 +10 +3\.0k 24\.0kb\/s +3$/,
  );
  assert.deepEqual(wide.slice(4), Array(18).fill('...'));
  const narrow = statesRows(shown, rates, look(60));
  assert.ok(linesOf(narrow).every((line) => line.length <= 60));
  assert.match(linesOf(narrow)[2]!, /10\.0\.0\.2:50000 192\.0\.2\.1:80 .*3\.0k/);
  const none: Part = { ...part, filter: 'x', top: { total: 5, matching: 0, states: [] } };
  const filtered = linesOf(statesRows({ part: none, selected: 0, from: 0 }, rates, look()));
  assert.deepEqual(filtered, [" 5 states, 0 with 'x'  by bytes", '', ' no state']);
});

test('states: what is seen is asked for with a page before and two behind', () => {
  const top = { total: 1_000, matching: 1_000, states: [] };
  const partAt = (from: number, page: number): Part => ({
    order: 'age',
    filter: '',
    ...questionAround(from, page),
    top,
  });
  assert.deepEqual(questionAround(0, 20), { first: 0, count: 60 });
  assert.deepEqual(questionAround(500, 20), { first: 480, count: 80 });
  for (const [from, is] of [
    [480, true],
    [540, true],
    [541, false],
    [479, false],
    [980, false],
  ] as const) {
    assert.equal(covers(partAt(500, 20), from, 20), is, String(from));
  }
  assert.equal(covers({ ...partAt(500, 20), top: { ...top, matching: 550 } }, 545, 20), true);
});

const LISTING = `@0 block drop in on vr0 proto tcp all
  [ Evaluations: 15        Packets: 7         Bytes: 420         States: 0     ]
  [ Inserted: uid 0 pid 0 State Creations: 0     ]
@1 anchor "web" all {
  [ Evaluations: 8         Packets: 0         Bytes: 0           States: 0     ]
  [ Inserted: uid 0 pid 0 State Creations: 0     ]
@12 pass in on vr1 proto udp from 10.0.0.0/8 to 192.0.2.1 port = 53
  [ Evaluations: 4         Packets: 9         Bytes: 99          States: 2     ]
  [ Inserted: uid 0 pid 0 State Creations: 5     ]
`;

test('rules: read from the listing, with the hits of the last second', () => {
  const rules = readRules(LISTING);
  assert.deepEqual(
    rules.map(({ number, packets, states, statesCreated }) => [number, packets, states, statesCreated]),
    [
      [0, 7, 0, 0],
      [1, 0, 0, 0],
      [12, 9, 2, 5],
    ],
  );
  const rates = new Rates();
  rates.take(0, new Map([['0', 3]]));
  rates.take(1, new Map([['0', 7]]));
  const shown = { anchor: '', rules, selected: 2, from: 0, explanation: ['in on vr0', 'block: rule 0'] };
  const rows = rulesRows(shown, rates, look());
  assert.match(linesOf(rows)[2]!, /^ +0 +4 +7 +420 +0 +15 block drop in on vr0 proto tcp all$/);
  assert.equal(styleOf(rows, '4'), 'good');
  assert.deepEqual(linesOf(rows).slice(-2), [' in on vr0', ' block: rule 0']);
  assert.deepEqual(readRules(''), []);
});

test('rules: a packet that the selected one may be about', () => {
  assert.equal(packetFor(readRules(LISTING)[2]!.text), 'in on vr1 udp from 10.0.0.0 to 192.0.2.1 port 53');
  assert.equal(packetFor('pass all'), 'in on vr0 tcp from  to  port 80');
});

function host(id: number, changes: Partial<HostView> = {}): HostView {
  const name = `10.0.0.${id}`;
  const counts = { checks: 1, successes: 1, outcomes: '+', retry: 0, retriesLeft: 0 };
  return {
    id,
    name,
    address: name,
    status: 'up',
    availability: '100.00%',
    message: 'icmp ok',
    ...counts,
    ...changes,
  };
}

function relayd(hosts: readonly HostView[]): RelaydView {
  const counts = { total: 12, interval: 60, last: 0, lastHour: 0, lastDay: 0 };
  const statistics = { ...counts, average: 0, averageHour: 0, averageDay: 0 };
  const listen = [{ address: '10.0.0.5', port: 80 }];
  const tables = [{ id: 1, name: 'web:80', status: 'active', up: 1, hosts }] as const;
  const www = { id: 1, name: 'www', status: 'active', active: true, kind: 'forward' } as const;
  return { redirects: [{ ...www, listen, statistics, tables, hosts }], relays: [], routers: [] };
}

test('load: redirects, tables and hosts below one another, with what came of their checks', () => {
  const flapping = host(2, { outcomes: `${'+'.repeat(50)}-+-`, checks: 53, successes: 51 });
  const list = { selected: 0, top: 0 };
  const rows = balancingRows(itemsOf(relayd([host(1), flapping])), list, look(120));
  const lines = linesOf(rows);
  assert.match(lines[1]!, /^ +1 redirect www +active .* 10\.0\.0\.5:80 {2}12 sessions$/);
  assert.match(lines[2]!, /^ +1 {3}table web:80 +active .* 1 of 2 hosts up$/);
  assert.match(lines[3]!, /^ +1 {5}host 10\.0\.0\.1 +up +100\.00% +\+ icmp ok {2}1\/1$/);
  assert.match(lines[4]!, /^ +2 {5}host 10\.0\.0\.2 +up +100\.00% \+{27}-\+- icmp ok {2}51\/53$/);
  assert.equal(styleOf(rows, `${'+'.repeat(27)}-+-`), 'warn');
  assert.match(linesOf(balancingRows(itemsOf(relayd([flapping])), list, look()))[3]!, /100\.00% \+{13}-\+- /);
});

type Exchange = Partial<NonNullable<FailoverData['interfaces'][number]['pfsync']>>;

/** A member with carp0 (vhid 7) and pfsync0. */
function memberOf(state: string, heard?: object, exchange: Exchange = {}, sent4 = 0): FailoverData {
  const nodes = [{ vhid: 7, advskew: 128, state, ...(heard && { heard }) }];
  const carp = { parent: 'vr0', advbase: 1, balancing: 'none', demotion: 128, nodes };
  const pfsync = { syncDevice: 'vr1', maxUpdates: 128, defer: true, bulk: 'done', peers: [], ...exchange };
  return {
    interfaces: [on('carp0', { carp }), on('pfsync0', { pfsync })],
    demotion: 128,
    carp: { sent4, badAuthentication: 2 },
    pfsync: {},
    states: 9,
  };
}

test('failover: both members, demotion, what goes to and fro; and no pair at all', () => {
  const heard = { from: '10.0.0.2', advbase: 1, advskew: 0, demotion: 3, ago: 0.44 };
  const exchange = {
    peers: [{ hostId: 0xcafe, sameRuleset: false, ago: 4 }],
    lag: { waiting: 3, oldest: 0.25, heardAgo: 1 },
  };
  const rates = new Rates();
  rates.take(0, failoverCounters(memberOf('BACKUP')));
  rates.take(1, failoverCounters(memberOf('BACKUP', heard, exchange, 3)));
  const rows = failoverRows(memberOf('BACKUP', heard, exchange, 3), rates, look());
  const text = linesOf(rows).join('\n');
  assert.match(text, /^carp0 +7 this BACKUP +1\.50s +128 on vr0 10\.0\.0\.1\/24$/m);
  assert.match(text, /^ +peer MASTER +1\.00s +3 heard 0\.4s ago from 10\.0\.0\.2$/m);
  assert.match(text, /^ demotion: 128 \(the peer is to be master\)$/m);
  assert.match(text, /^ advertisements: 3\/s sent, 0\/s received$/m);
  assert.match(text, /^ carp refused: badAuthentication 2$/m);
  assert.match(text, /^ pfsync: over vr1, bulk update: done, defer, 9 states here$/m);
  assert.match(
    text,
    /^ lag: 3 untold, the oldest for 0\.3s, its last word 1\.0s ago\n {3}peer 0000cafe: OTHER RULES/m,
  );
  const alone = failoverRows({ ...memberOf('BACKUP'), interfaces: [on('vr0')] }, rates, look());
  assert.deepEqual(linesOf(alone), [
    ' this machine has no carp and no pfsync interface: it is no member of a pair',
  ]);
});

test('failover: what is known of a peer that does not advertise', () => {
  const heard = { from: '10.0.0.2', advbase: 1, advskew: 0, demotion: 0 };
  const spoke = { lag: { waiting: 0, oldest: 0, heardAgo: 2 } };
  const gone = { lag: { waiting: 40, oldest: 5, heardAgo: 30 } };
  for (const [state, advertisement, exchange, peer, style] of [
    ['MASTER', undefined, spoke, 'BACKUP', 'warn'],
    ['MASTER', { ...heard, ago: 60 }, spoke, 'BACKUP', 'warn'],
    ['MASTER', { ...heard, ago: 60 }, gone, 'SILENT', 'bad'],
    ['MASTER', undefined, {}, 'SILENT', 'bad'],
    ['MASTER', { ...heard, advskew: 255, ago: 1 }, spoke, 'BACKUP', 'warn'],
    ['MASTER', { ...heard, ago: 1 }, spoke, 'MASTER TOO', 'bad'],
    ['BACKUP', { ...heard, ago: 1 }, spoke, 'MASTER', 'good'],
  ] as const) {
    const rows = failoverRows(memberOf(state, advertisement, exchange), new Rates(), look());
    assert.match(linesOf(rows)[2]!, new RegExp(`^ +peer ${peer} `));
    assert.equal(styleOf(rows.slice(2, 3), peer), style);
  }
  const late = failoverRows(memberOf('MASTER', undefined, gone), new Rates(), look());
  assert.equal(styleOf(late, '40 untold, the oldest for 5.0s'), 'bad');
  assert.equal(styleOf(late, 'its last word 30s ago'), 'bad');
});
