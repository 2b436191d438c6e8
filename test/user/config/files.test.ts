// SPDX-License-Identifier: ISC
//
// The files of a machine's etc/: what is read from good lines, and what is said of bad ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress } from '../../../appliance/abi/addressText.ts';
import { maskLength, parseHostnameIf } from '../../../appliance/user/config/hostnameIf.ts';
import { parseMachineJson } from '../../../appliance/user/config/machineJson.ts';
import { parseMygate } from '../../../appliance/user/config/mygate.ts';
import { parseRcConf } from '../../../appliance/user/config/rcConf.ts';
import { parseSysctlConf } from '../../../appliance/user/config/sysctlConf.ts';

test('hostname.if: lines as the article has them', () => {
  const text = `inet 192.0.2.253 255.255.255.128 192.0.2.255
inet alias 10.0.0.1 255.255.255.0 10.0.0.255 # the servers
inet6 3ffe:1::1 64
!ifconfig lo0 alias 192.0.2.253/32
up`;
  const { lines, errors } = parseHostnameIf(text, 'f');
  assert.deepEqual(errors, []);
  const addresses = lines.flatMap((line) =>
    line.kind === 'address'
      ? [`${formatAddress(line.address)}/${line.address.length} ${line.alias}`]
      : [line.kind],
  );
  assert.deepEqual(addresses, [
    '192.0.2.253/25 false',
    '10.0.0.1/24 true',
    '3ffe:1::1/64 false',
    'command',
    'options',
  ]);
});

const WRONG_LINES: readonly (readonly [string, string])[] = [
  ['inet', 'f:2: an address is missing'],
  ['inet 10.0.0.300', 'f:2: 10.0.0.300 is not an IPv4 address'],
  ['inet6 10.0.0.1', 'f:2: 10.0.0.1 is not an IPv6 address'],
  ['inet 10.0.0.1 255.0.255.0', 'f:2: 255.0.255.0 is not a netmask'],
  ['inet 10.0.0.1/33', 'f:2: /33 is no prefix length'],
  ['dhcp', 'f:2: dhcp is not supported; set an address (inet ADDRESS NETMASK)'],
];

for (const [line, message] of WRONG_LINES) {
  test(`hostname.if: '${line}' is told and left out`, () => {
    const { lines, errors } = parseHostnameIf(`up\n${line}\nup`, 'f');
    assert.equal(lines.length, 2);
    assert.deepEqual(
      errors.map((error) => error.message),
      [message],
    );
  });
}

test('netmasks in both forms', () => {
  assert.equal(maskLength('255.255.255.128'), 25);
  assert.equal(maskLength('0xffffff00'), 24);
  assert.equal(maskLength('0.0.0.0'), 0);
  assert.equal(maskLength('255.255.255.255'), 32);
  assert.equal(maskLength('255.0.255.0'), undefined);
  assert.equal(maskLength('24'), undefined);
  assert.equal(maskLength('ffff:ff00::'), undefined);
});

test('mygate: one gateway of each family', () => {
  const read = (text: string) =>
    parseMygate(text, 'f').map(({ address, zone }) => `${formatAddress(address)} ${zone}`);
  assert.deepEqual(read('192.0.2.254\n3ffe:1::\n'), ['192.0.2.254 undefined', '3ffe:1:: undefined']);
  assert.deepEqual(read('fe80::1%vr0'), ['fe80::1 vr0']);
  assert.throws(() => parseMygate('3ffe:1::%vr0', 'f'), /f:1: 3ffe:1::%vr0 is not an address/);
  assert.throws(
    () => parseMygate('192.0.2.254\n192.0.2.1', 'f'),
    /^ConfigError: f:2: there is an IPv4 gateway already$/,
  );
  assert.throws(() => parseMygate('router', 'f'), /f:1: router is not an address/);
});

test('sysctl.conf: good lines stand, bad ones are told', () => {
  const { settings, errors } = parseSysctlConf(
    'net.inet.ip.forwarding=1\nkern.hostname=x\nfoo\nnet.inet.ip.ttl=many\n',
    'f',
  );
  assert.deepEqual(
    settings.map(({ name, value }) => [name, value]),
    [['net.inet.ip.forwarding', 1]],
  );
  assert.deepEqual(
    errors.map((error) => error.message),
    ['f:2: there is no setting kern.hostname', 'f:3: expected name=value', 'f:4: many is not a number'],
  );
});

test('rc.conf.local: flags and switches', () => {
  const conf = parseRcConf('relayd_flags=""\npf=NO\n', 'f');
  assert.equal(conf.flags('relayd'), '');
  assert.equal(conf.isOn('pf'), false);
  assert.equal(parseRcConf('', 'f').flags('relayd'), undefined);
  assert.equal(parseRcConf('', 'f').isOn('pf'), true);
  assert.throws(() => parseRcConf('rm -rf /', 'f'), /f:1: expected name=value/);
});

test('machine.json: defaults, and every mistake by name', () => {
  const machine = parseMachineJson('{ "name": "lb", "interfaces": { "vr0": {} } }', 'm');
  assert.equal(machine.interfaces[0]!.tap, 'lb-vr0');
  assert.equal(machine.interfaces[0]!.linkAddress[0], 2);
  assert.deepEqual(parseMachineJson('{ "name": "lb", "interfaces": { "vr0": {} } }', 'm'), machine);
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['{', /^MachineError: m: |^Error: m: /],
    ['{ "interfaces": {} }', /m: name is missing/],
    ['{ "name": "a", "colour": 1 }', /m: the file: unknown key "colour"/],
    ['{ "name": "a", "pf": "ipf" }', /m: pf 'ipf' is not one of/],
    ['{ "name": "a", "interfaces": { "eth0": {} } }', /m: interface 'eth0' is not vr0/],
    [
      '{ "name": "a-very-long-name", "interfaces": { "vr0": {} } }',
      /more than 15 characters; choose one with "tap"/,
    ],
    [
      '{ "name": "a", "interfaces": { "vr0": { "lladdr": "01:00:00:00:00:01" } } }',
      /no unicast Ethernet address/,
    ],
    ['{ "name": "a", "interfaces": { "vr0": { "mtu": 20 } } }', /a number from 68 to 9216 is needed/],
  ];
  for (const [text, message] of wrong) assert.throws(() => parseMachineJson(text, 'm'), message);
});
