// SPDX-License-Identifier: ISC
//
// relayd.conf(5): what both grammars say, mistakes with their lines, printing as a fixed point.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { instancesOf } from '../../../../appliance/user/config/relayd/instances.ts';
import { parseRelaydConf } from '../../../../appliance/user/config/relayd/parser.ts';
import { printRelaydConf } from '../../../../appliance/user/config/relayd/print.ts';

const ARTICLE = '../shared/conformance/seed-dsr/loadbalancer/etc/relayd.conf';

const OLD = `
prefork 2
interval 5
timeout 300
log updates
send trap
demote carp
web = "10.0.0.10"
table <web> disable { $web retry 2 parent 2, 10.0.0.11
  10.0.0.12 }
table <spare> { 10.0.0.20 }
http protocol "p" {
  header append "$REMOTE_ADDR" to "X-Forwarded-For"
  tcp { nodelay, sack, socket buffer 65536 }
  ssl { no sslv2, ciphers "HIGH" }
  return error { style "body { color: red }" }
}
redirect "http" {
  listen on 192.0.2.1 port http interface vr0
  listen on 2001:db8::1 port 80
  tag RELAYD
  sticky-address
  forward to <web> port 8080 mode roundrobin check http "/" host www.example.org code 200 timeout 250 interval 10
  forward to <spare> port 8080 check send nothing expect "220 *" ssl
}
relay "ssl" {
  listen on 192.0.2.1 port 443 ssl
  protocol "p"
  forward to <web> port 80 mode loadbalance check tcp
  forward to 10.0.0.9 port 80 retry 2
  session timeout 30
}
`;

const NEW = `
log state changes
log connection errors
snmp trap "/var/agentx/master"
table <dns> { 10.0.0.10 priority 8 retry 1 ip ttl 1, 10.0.0.11 }
redirect dns {
  listen on 192.0.2.1 udp port 53
  listen on 192.0.2.1 tcp port 8000:8010 pflog
  match pftag DNS
  forward to <dns> port 53 mode source-hash "0x00112233445566778899aabbccddeeff" check icmp demote carp
}
redirect dsr {
  listen on 192.0.2.2 port 80
  route to <dns> check binary send "00ff" expect "0A" interface vr1
}
router uplinks {
  route 0.0.0.0/0
  rtlabel up
  forward to <dns> check script "/usr/bin/true"
}
http protocol q {
  pass request quick header "Host" value "www.*" forward to <dns>
  http { headerlen 4096, websockets }
}
relay r {
  listen on 192.0.2.1 port 80
  transparent forward with tls to <dns> port 81 check https "/" digest "d41d8cd98f00b204e9800998ecf8427e" inet
  forward to nat lookup
}
`;

for (const [era, text] of [
  ['2008', OLD],
  ['today', NEW],
]) {
  test(`${era}: printing and reading again changes nothing`, () => {
    const { conf, errors } = parseRelaydConf(text!, 'relayd.conf');
    assert.deepEqual(errors.map(String), []);
    const printed = printRelaydConf(conf!);
    const again = parseRelaydConf(printed, 'printed');
    assert.deepEqual(again.errors.map(String), []);
    assert.deepEqual(again.conf, conf);
    assert.equal(printRelaydConf(again.conf!), printed);
  });
}

test("the article's file: names and ids", (context) => {
  if (!existsSync(ARTICLE)) return context.skip('the conformance data is not here');
  const { conf, errors } = parseRelaydConf(readFileSync(ARTICLE, 'utf8'), 'relayd.conf');
  assert.deepEqual(errors, []);
  const { tables, redirects } = instancesOf(conf!);
  assert.deepEqual(
    tables.map((table) => [
      table.id,
      table.name,
      ...table.hosts.map((host) => `${host.id} ${host.conf.name}`),
    ]),
    [
      [1, 'webservers:80', '1 10.0.0.10', '2 10.0.0.11'],
      [2, 'v6servers:80', '3 3ffe:2::10', '4 3ffe:2::11'],
    ],
  );
  assert.deepEqual(
    redirects.map(({ id, conf: { name, kind, interface: egress } }) => [id, name, kind, egress]),
    [
      [1, 'www', 'route', 'vr0'],
      [2, 'wwwv6', 'route', 'vr0'],
    ],
  );
});

/** What stands behind two good tables. */
const MISTAKES: readonly (readonly [text: string, ...errors: string[]])[] = [
  ['', 'no actions, nothing to do'],
  ['redirect a {\n listen on 1.2.3.4 port 80\n}', '3: redirection a has no table'],
  ['redirect a {\n forward to <t> port 80 check tcp\n}', '3: redirection a has no virtual ip'],
  ['redirect a {\n listen on 1.2.3.4 port 80\n forward to <t>\n}', '3: table t has no check'],
  [
    'redirect a {\n listen on 1.2.3.4 port 80\n route to <t> check tcp\n}',
    '5: missing interface to route to',
  ],
  [
    'redirect a {\n listen on 1.2.3.4 port 80\n forward to <t> check tcp interface vr0\n}',
    '5: superfluous interface',
  ],
  [
    'redirect a {\n listen on x port 80\n forward to <no> check tcp\n}\nbogus',
    '4: invalid virtual ip: x',
    '5: no such table: no',
    "7: syntax error: 'bogus' begins no statement",
  ],
  ['table <t> { 10.0.0.1 }', '3: table t defined twice'],
  ['table <x> { }', '3: table x has no hosts'],
  ['interval $no', "3: macro 'no' not defined", "3: syntax error: expected a number before ''"],
  ['include "nowhere"', '3: failed to include file nowhere'],
  [
    'redirect "a',
    '3: reached end of file while parsing quoted string',
    '3: syntax error: expected a redirection name before the end of the line',
  ],
];

for (const [text, ...wanted] of MISTAKES) {
  test(`mistake: ${wanted[0]}`, () => {
    const head = 'table <t> { 10.0.0.10 }\ntable <u> { 10.0.0.11 }\n';
    const { conf, errors } = parseRelaydConf(head + text, 'f');
    assert.equal(conf, undefined);
    const got = errors.map((error) => error.message);
    assert.equal(got.length, wanted.length, got.join('\n'));
    wanted.forEach((one, i) => {
      assert.ok(got[i]!.endsWith(/^\d/.test(one) ? `f:${one}` : `: ${one}`), `${got[i]} | ${one}`);
    });
  });
}

test('macros of the command line win; an included file is read in place', () => {
  const text =
    'vip="1.1.1.1"\ninclude "tables"\nredirect a {\n listen on $vip port 80\n forward to <t> check tcp\n}\n';
  const { conf, errors } = parseRelaydConf(text, 'f', {
    macros: new Map([['vip', '2.2.2.2']]),
    include: (path) => (path === 'tables' ? 'table <t> { 10.0.0.1 }' : undefined),
  });
  assert.deepEqual(errors, []);
  assert.deepEqual(conf!.redirects[0]!.listen[0]!.address.words, [0x02020202]);
});

test('a parent is a host that has none', () => {
  const text = (parent: number) =>
    `table <t> { 10.0.0.1\n 10.0.0.2 parent ${parent} }\nredirect a {\n listen on 1.1.1.1 port 80\n forward to <t> check tcp\n}`;
  assert.deepEqual(parseRelaydConf(text(1), 'f').errors, []);
  for (const wrong of [2, 3])
    assert.match(parseRelaydConf(text(wrong), 'f').errors.join(), /host parent id . invalid/);
});
