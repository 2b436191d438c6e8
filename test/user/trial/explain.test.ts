// SPDX-License-Identifier: ISC
//
// `pfctl explain` and `rhine replay`: packets in words, what is told of them, and that nothing of the machine is touched.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { makePacketTrial } from '../../../appliance/host/packetTrial.ts';
import { fileHeader, fileRecord } from '../../../appliance/user/captureFrames.ts';
import { replay } from '../../../appliance/user/commands/replay.ts';
import { describePacket, packetBytes } from '../../../appliance/user/trial/packetBytes.ts';
import { formatPacket, parsePacket } from '../../../appliance/user/trial/packetText.ts';
import { Filter } from '../../kernel/pf/filter.ts';
import { frame, ip4, tcpSegment } from '../../support/packets.ts';
import { runPfctl } from '../../support/pfctlOffline.ts';
import { LEFT, LEFT_LINK, RIGHT, RIGHT_LINK, VR0_LINK } from '../../support/router.ts';

describe('a packet in words', () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  const packets = fc.record({
    direction: fc.constantFrom('in', 'out'),
    protocol: fc.constantFrom('tcp', 'udp'),
    hosts: fc.constantFrom(['192.0.2.1', '198.51.100.9'], ['2001:db8::1', 'fe80::7']),
    from: port,
    to: port,
    flags: fc.constantFrom('S', 'SA', 'A', 'FA', 'R', 'PA', 'SEW'),
  });

  test('written, read, made into bytes and described again: the same', () => {
    fc.assert(
      fc.property(packets, ({ direction, protocol, hosts, from, to, flags }) => {
        const tail = protocol === 'tcp' ? ` flags ${flags}` : '';
        const text = `${direction} on vr0 ${protocol} from ${hosts[0]} port ${from} to ${hosts[1]} port ${to}${tail}`;
        const packet = parsePacket(text);
        assert.equal(formatPacket(packet), text);
        const described = describePacket(packetBytes(packet), 'vr0', packet.direction)!;
        assert.equal(formatPacket(described), text);
      }),
    );
  });

  test('what is wrong is told with its place', () => {
    const cases: [string, RegExp][] = [
      ['', /'in' or 'out' is expected at the end/],
      ['into vr0', /expected before 'into'/],
      ['in on vr0 tcp from 192.0.2.1 too', /'to' is expected before 'too'/],
      ['in on vr0 tcp from 192.0.2 to 192.0.2.1', /192\.0\.2 is not an address/],
      ['in on vr0 tcp from 192.0.2.1 port 70000 to 192.0.2.2', /70000 is not a number from 0 to 65535/],
      ['in on vr0 tcp from 192.0.2.1 to ::1', /one family/],
      ['in on vr0 tcp from 192.0.2.1 to 192.0.2.2', /tcp needs a port behind 'to 192\.0\.2\.2'/],
      ['in on vr0 tcp from 192.0.2.1 to 192.0.2.2 port 1 flags X', /not X/],
      ['in on vr0 tcp from 192.0.2.1 to 192.0.2.2 port 1 please', /'please' is not understood/],
    ];
    for (const [text, message] of cases) assert.throws(() => parsePacket(text), message);
  });
});

const RULES = `table <bad> { 203.0.113.0/24 }
block return all
block in quick on vr0 from <bad>
match in on vr0 proto tcp to port 8080 tag WEB
pass in on vr0 proto tcp to ${RIGHT} port 8080 rdr-to 198.51.100.7 port 80
pass out on vr1
`;

describe('pfctl explain', () => {
  const about = 'in on vr0 tcp from 192.0.2.9 port 1024 to 198.51.100.9 port 8080 flags S';

  test('rules looked at, what matched, translation, decision, way', async () => {
    const filter = new Filter(RULES);
    const { host } = filter.router;
    const before = host.call('pf.rules', { anchor: '', cursor: 0 });
    const { stdout, status } = await runPfctl(['explain', about], { kernel: host.client });
    assert.equal(status, 0);
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      about,
      'rules looked at:',
      '  matches rule 0: block return all',
      '          rule 1: block drop in quick on vr0 from <bad> to any',
      '  matches rule 2: match in on vr0 proto tcp from any to any port = 8080 tag WEB',
      '  matches rule 3: pass in on vr0 inet proto tcp from any to 198.51.100.9 port = 8080 flags S/SA rdr-to 198.51.100.7 port 80',
      '          rule 4: pass out on vr1 all flags S/SA',
      'applied rule 2: match in on vr0 proto tcp from any to any port = 8080 tag WEB',
      'translated: 192.0.2.9 port 1024 -> 198.51.100.9 port 8080 becomes 192.0.2.9 port 1024 -> 198.51.100.7 port 80',
      'pass: rule 3: pass in on vr0 inet proto tcp from any to 198.51.100.9 port = 8080 flags S/SA rdr-to 198.51.100.7 port 80',
      'a state is made',
      'goes on: directly on vr1',
    ]);
    assert.deepEqual(host.call('pf.rules', { anchor: '', cursor: 0 }), before, 'no counter has moved');
    assert.equal(filter.states().length, 0);
  });

  test('an existing state would take it', async () => {
    const filter = new Filter(RULES);
    const header = { source: LEFT, destination: RIGHT };
    filter.left(ip4(header, tcpSegment({ from: 1024, to: 8080, flags: 2, sequence: 1 })));
    const { stdout } = await runPfctl(['explain', about], { kernel: filter.router.host.client });
    assert.match(
      stdout,
      /^a state takes it, no rule is asked: all tcp 198\.51\.100\.7:80 \(198\.51\.100\.9:8080\) <- 192\.0\.2\.9:1024/m,
    );
    const answer = 'in on vr1 tcp from 198.51.100.7 port 80 to 192.0.2.9 port 1024 flags SA';
    const back = await runPfctl(['explain', answer], { kernel: filter.router.host.client });
    assert.match(back.stdout, /^a state takes it/m);
  });

  test('blocked; another ruleset; without a machine; as JSON', async () => {
    const kernel = new Filter(RULES).router.host.client;
    const blocked = await runPfctl(
      ['explain', 'in', 'on', 'vr0', 'udp', 'from', '203.0.113.5', 'to', RIGHT, 'port', '9'],
      { kernel },
    );
    assert.match(blocked.stdout, /^block: rule 1: block drop in quick/m);
    const texts = { 'other.conf': 'pass in on vr0 no state\n', 'wrong.conf': 'pass in onn vr0\n' };
    const other = await runPfctl(['-f', 'other.conf', 'explain', about], { kernel, texts });
    assert.match(other.stdout, /^pass: rule 0: pass in on vr0 all no state$/m);
    const offline = await runPfctl(['-f', 'other.conf', '--json', 'explain', about], { texts });
    const json = JSON.parse(offline.stdout);
    assert.deepEqual(
      [json.verdict, json.by, json.rule.number, json.createsState],
      ['pass', 'rule', 0, false],
    );
    const wrong = await runPfctl(['-f', 'wrong.conf', 'explain', about], { texts });
    assert.match(wrong.stderr, /wrong\.conf:1: /);
    assert.equal(wrong.status, 1);
    const nowhere = await runPfctl(['explain', 'in on vr9 udp from 192.0.2.1 to 192.0.2.2 port 5'], {
      kernel,
    });
    assert.match(nowhere.stderr, /vr9: no such interface/);
  });
});

describe('rhine replay', () => {
  const segment = (flags: number, sequence: number, acknowledgment = 0) =>
    frame(
      { to: VR0_LINK, from: LEFT_LINK },
      ip4(
        { source: LEFT, destination: RIGHT },
        tcpSegment({ from: 1024, to: 80, flags, sequence, acknowledgment }),
      ),
    );
  const answer = frame(
    { to: LEFT_LINK, from: VR0_LINK },
    ip4(
      { source: RIGHT, destination: LEFT },
      tcpSegment({ from: 80, to: 1024, flags: 0x12, sequence: 9, acknowledgment: 2 }),
    ),
  );
  const other = frame(
    { to: VR0_LINK, from: RIGHT_LINK },
    ip4({ source: LEFT, destination: RIGHT }, tcpSegment({ from: 5, to: 22, flags: 2 })),
  );
  const frames = [segment(2, 1), answer, segment(0x10, 2, 10), other];
  const capture = Buffer.concat([
    fileHeader(1, 65_535),
    ...frames.map((bytes, i) => fileRecord({ time: 1.7e15 + i * 1000, bytes, wireLength: bytes.length })),
  ]);
  const files: Record<string, string> = {
    'a.conf': 'block all\npass in on vr0 proto tcp to port 80\n',
    'b.conf': 'block all\npass in on vr0 proto tcp to port { 22 80 }\n',
  };

  async function run(...args: string[]) {
    let stdout = '';
    let stderr = '';
    const refuse = () => Promise.reject(new Error('read-only'));
    const status = await replay.run(args, {
      kernel: undefined,
      files: {
        read: async (path) => files[path] ?? refuse(),
        readBytes: async (path) => (path === 'x.pcap' ? capture : new TextEncoder().encode('nothing')),
        readSecret: refuse,
        write: refuse,
        remove: refuse,
        create: refuse,
        list: async () => [],
        exists: async (path) => path in files,
      },
      stdout: (text) => {
        stdout += text;
      },
      stderr: (text) => {
        stderr += text;
      },
      stdin: async () => '',
      signal: new AbortController().signal,
      machine: undefined,
      env: {},
      clock: { now: () => 0 },
      trial: makePacketTrial,
    });
    return { status, stdout, stderr };
  }

  test('each packet, its way told by the addresses of the frames, states kept', async () => {
    const { stdout, status } = await run('x.pcap', '--ruleset', 'a.conf');
    assert.equal(status, 0);
    const rule = 'rule 1: pass in on vr0 proto tcp from any to any port = 80 flags S/SA';
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      '1 in on vr0 tcp from 192.0.2.9 port 1024 to 198.51.100.9 port 80 flags S',
      `    pass: ${rule}`,
      '2 out on vr0 tcp from 198.51.100.9 port 80 to 192.0.2.9 port 1024 flags SA',
      `    pass: a state of ${rule}`,
      '3 in on vr0 tcp from 192.0.2.9 port 1024 to 198.51.100.9 port 80 flags A',
      `    pass: a state of ${rule}`,
      '4 in on vr0 tcp from 192.0.2.9 port 5 to 198.51.100.9 port 22 flags S',
      '    block: rule 0: block drop all',
    ]);
  });

  test('--compare tells only what would change', async () => {
    const { stdout, status } = await run('x.pcap', '--ruleset', 'a.conf', '--compare', 'b.conf');
    assert.equal(status, 1);
    assert.match(
      stdout,
      /^4 in on vr0 tcp .* port 22 flags S\n- {3}block: rule 0: .*\n\+ {3}pass: rule 1: .*\n$/,
    );
    assert.equal((await run('x.pcap', '--ruleset', 'a.conf', '--compare', 'a.conf')).status, 0);
  });

  test('what cannot be read', async () => {
    assert.match((await run('y.pcap', '--ruleset', 'a.conf')).stderr, /y\.pcap: not a capture file/);
    assert.match((await run('x.pcap')).stderr, /--ruleset/);
    assert.match((await run('x.pcap', '--ruleset', 'c.conf')).stderr, /c\.conf: /);
  });
});
