// SPDX-License-Identifier: ISC
//
// relayd.conf(5) of 2008 and of today: what is read, what is refused and in which words, and what is printed.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Diagnostics, explainDiagnostic } from '../../../../appliance/user/config/pf/diagnostics.ts';
import { bareFacts } from '../../../../appliance/user/config/pf/facts.ts';
import { buildConfiguration } from '../../../../appliance/user/config/relayd/configuration.ts';
import { printRelaydConf } from '../../../../appliance/user/config/relayd/print.ts';
import { parseRelaydConf } from '../../../../appliance/user/config/relayd/relaydConf.ts';

const facts = bareFacts();

/** Parses and builds; every problem as it is printed. */
function problems(text: string, macros: Record<string, string> = {}): string[] {
  const parsed = parseRelaydConf(text, 'f', { facts, macros });
  if (parsed.errors > 0) return parsed.diagnostics.map(explainDiagnostic);
  const diagnostics = new Diagnostics();
  buildConfiguration(parsed.conf, facts, diagnostics);
  return diagnostics.list.map(explainDiagnostic);
}

function printed(text: string): string {
  const { conf, errors, diagnostics } = parseRelaydConf(text, 'f', { facts });
  assert.equal(errors, 0, diagnostics.map(explainDiagnostic).join('\n'));
  return printRelaydConf(conf);
}

function built(text: string) {
  const diagnostics = new Diagnostics();
  const conf = buildConfiguration(parseRelaydConf(text, 'f', { facts }).conf, facts, diagnostics);
  assert.deepEqual(diagnostics.list, []);
  return conf;
}

const TABLE = 'table <t> { 10.0.0.1 }\n';
const REDIRECT = `${TABLE}redirect r {\n\tlisten on 192.0.2.1 port 80\n\tforward to <t> check tcp\n}\n`;

/** A redirection whose option lines are these. */
function redirect(...lines: string[]): string {
  return `${TABLE}redirect r {\n${lines.map((line) => `${line}\n`).join('')}}\n`;
}

function protocol(...lines: string[]): string {
  return `http protocol p {\n${lines.map((line) => `${line}\n`).join('')}}\n`;
}

const FILES = [
  'seed-dsr/loadbalancer/etc/relayd.conf',
  'relayd/openbsd-2008/relayd.conf',
  'relayd/openbsd-2019/relayd.conf',
];

describe('files of others', () => {
  for (const file of FILES) {
    const path = new URL(`../../../../../../shared/conformance/${file}`, import.meta.url);
    test(file, { skip: existsSync(path) ? false : 'no ../shared/conformance beside this checkout' }, () => {
      const text = readFileSync(path, 'utf8');
      assert.deepEqual(problems(text), []);
      assert.equal(printed(printed(text)), printed(text));
    });
  }
});

describe('mistakes', () => {
  const CASES: readonly (readonly [string, string, string[]])[] = [
    ['nothing to do', 'interval 10\n', ['no actions, nothing to do']],
    ['unknown word', 'bogus\n', ["f:1: syntax error at 'bogus'"]],
    ['unknown protocol', 'foo protocol x { }\n', ['f:1: invalid protocol type: foo']],
    [
      'undefined macro',
      'table <t> { $no }\n',
      ["f:1: macro 'no' not defined", "f:1: syntax error: expected newline, '}', include or host"],
    ],
    [
      'quote without end',
      'table <t> { "abc\n',
      [
        'f:1: reached end of file while parsing quoted string',
        "f:1: syntax error: expected newline, '}', include or host",
      ],
    ],
    ['number as macro', 'p=80\n', ["f:1: syntax error at '80': expected quoted value"]],
    ['table twice', TABLE + TABLE, ['f:2: table t defined twice']],
    ['table without hosts', 'table <t> { }\n', ['f:1: table t has no hosts']],
    [
      'no such table',
      redirect('listen on 1.2.3.4 port 80', 'forward to <u> check tcp'),
      ['f:4: no such table: u'],
    ],
    ['no table', redirect('listen on 1.2.3.4 port 80'), ['f:4: redirection r has no table']],
    ['no address', redirect('forward to <t> port 80 check tcp'), ['f:4: redirection r has no virtual ip']],
    [
      'port unknown yet',
      redirect('forward to <t> check tcp', 'listen on 1.2.3.4 port 80'),
      ['f:3: invalid port'],
    ],
    ['port', redirect('listen on 1.2.3.4 port 65536'), ['f:3: invalid port: 65536']],
    ['service', redirect('listen on 1.2.3.4 port nosuch'), ['f:3: invalid port: nosuch']],
    ['no check', redirect('listen on 1.2.3.4 port 80', 'forward to <t>'), ['f:4: table t has no check']],
    [
      'interface of forward',
      redirect('listen on 1.2.3.4 port 80', 'forward to <t> check tcp interface vr0'),
      ['f:4: superfluous interface'],
    ],
    [
      'no interface of route',
      redirect('listen on 1.2.3.4 port 80', 'route to <t> check tcp'),
      ['f:4: missing interface to route to'],
    ],
    [
      'third option behind the second',
      redirect('listen on 1.2.3.4 port 80 sticky-address disable', 'forward to <t> check tcp'),
      ["f:3: syntax error at 'disable': expected newline or '}'"],
    ],
    [
      'option behind the interface',
      redirect('listen on 1.2.3.4 port 80', 'route to <t> check tcp interface vr0 timeout 10'),
      ["f:4: syntax error at 'timeout': expected newline or '}'"],
    ],
    [
      'transparent',
      redirect('listen on 1.2.3.4 port 80', 'transparent forward to <t> check tcp'),
      ['f:4: no transparent forward here'],
    ],
    [
      'mode of relays',
      redirect('listen on 1.2.3.4 port 80', 'forward to <t> check tcp mode hash'),
      ['f:4: mode not supported for redirections'],
    ],
    [
      'key without a mode for it',
      redirect('listen on 1.2.3.4 port 80', 'forward to <t> check tcp mode random abc'),
      ['f:4: key not supported by mode'],
    ],
    [
      'short key',
      redirect('listen on 1.2.3.4 port 80', 'forward to <t> check tcp mode source-hash 0x12'),
      ['f:4: hex key must be 128 bits (32 hex digits) long'],
    ],
    [
      'third table',
      redirect('listen on 1.2.3.4 port 80', ...Array(3).fill('forward to <t> check tcp')),
      ['f:6: only one backup table is allowed'],
    ],
    [
      'ports of main and backup',
      redirect('listen on 1.2.3.4 port 80', 'forward to <t> check tcp', 'forward to <t> port 81 check tcp'),
      ['f:5: redirection r uses two different ports for its table and backup table'],
    ],
    [
      'modes of main and backup',
      redirect(
        'listen on 1.2.3.4 port 80',
        'forward to <t> check tcp',
        'route to <t> check tcp interface vr0',
      ),
      ['f:5: backup table for r with different mode'],
    ],
    ['redirection twice', REDIRECT + REDIRECT.slice(TABLE.length), ['f:6: redirection r defined twice']],
    ['global timeout', `timeout 10000\n${REDIRECT}`, ['global timeout exceeds interval']],
    [
      'timeout of a table',
      redirect('listen on 1.2.3.4 port 80', 'forward to <t> check tcp timeout 10000'),
      ['table timeout exceeds interval: t:80'],
    ],
    [
      'interval of a table',
      redirect('listen on 1.2.3.4 port 80', 'forward to <t> check tcp interval 15'),
      ['f:4: table interval must be divisible by global interval'],
    ],
    [
      'digest',
      redirect('listen on 1.2.3.4 port 80', 'forward to <t> check http "/" digest "abc"'),
      ['f:4: invalid digest: abc'],
    ],
    [
      'hexadecimal',
      redirect('listen on 1.2.3.4 port 80', 'forward to <t> check binary send "0g" expect "00"'),
      ['f:4: invalid hex string: 0g'],
    ],
    ['retry twice', 'table <t> { 1.2.3.4 retry 1 retry 2 }\n', ['f:1: retry was already set']],
    ['priority', 'table <t> { 1.2.3.4 priority 64 }\n', ['f:1: invalid priority value: 64']],
    [
      'parent',
      REDIRECT.replace('10.0.0.1', '10.0.0.1, 10.0.0.2 parent 7'),
      ['f:1: host parent id 7 invalid'],
    ],
    [
      'parent of itself',
      REDIRECT.replace('10.0.0.1', '10.0.0.1 parent 1'),
      ['f:1: host parent id 1 invalid'],
    ],
    ['name', REDIRECT.replace('10.0.0.1', 'no.such.host'), ['f:1: could not resolve host: no.such.host']],
    [
      'router without routes',
      `${TABLE}router x {\n\tforward to <t> check icmp\n}\n`,
      ['f:4: router x without routes'],
    ],
    [
      'families of a router',
      `${TABLE}router x {\n\troute ::/0\n\tforward to <t> check icmp\n}\n`,
      ['f:2: router x address family mismatch'],
    ],
    [
      'options of another protocol',
      'protocol p {\n\thttp headerlen 10\n}\n',
      ['f:2: can set http options only for http protocol'],
    ],
    [
      'several at once',
      `${TABLE}redirect r {\n\tlisten on 1.2.3.4 port x\n\tforward to <t> check nothing at all\n\tsession timeout 5\n\tpftag\n}\nrelay y {\n\tlisten on\n}\n`,
      [
        'f:3: invalid port: x',
        "f:4: syntax error at 'nothing'",
        'f:6: syntax error: expected tag',
        'f:9: syntax error: expected address',
      ],
    ],
  ];
  for (const [name, text, expected] of CASES) test(name, () => assert.deepEqual(problems(text), expected));
});

describe('what both languages say', () => {
  const CASES: readonly (readonly [string, string, string])[] = [
    ['log of 2008', 'log updates\nlog all\n', 'log state changes\nlog host checks\n'],
    ['traps', 'send trap\n', 'agentx\n'],
    ['traps with a path', 'snmp trap "/var/run/x"\n', 'agentx path "/var/run/x"\n'],
    [
      'the article',
      redirect(
        'listen on $v port http interface vr0',
        'route to <t> port www check http "/" code 200 interface vr0',
      ).replace(/^/, 'v="192.0.2.253"\n'),
      'table <t> { 10.0.0.1 }\n\nredirect r {\n\tlisten on 192.0.2.253 port 80 interface vr0\n' +
        '\troute to <t> port 80 check http "/" code 200 interface vr0\n}\n',
    ],
    [
      'tag',
      redirect('listen on 1.2.3.4 port 80', 'tag X', 'forward to <t> check ssl'),
      'table <t> { 10.0.0.1 }\n\nredirect r {\n\tlisten on 1.2.3.4 port 80\n\tpftag X\n\tforward to <t> check tls\n}\n',
    ],
    [
      'ranges and protocols',
      redirect(
        'listen on 1.2.3.4 udp port 1000:2000 pflog',
        'match pftag X',
        'forward to <t> mode source-hash "k y" check icmp',
      ),
      'table <t> { 10.0.0.1 }\n\nredirect r {\n\tlisten on 1.2.3.4 udp port 1000:2000 pflog\n\tmatch pftag X\n' +
        '\tforward to <t> mode source-hash "k y" check icmp\n}\n',
    ],
    [
      'options of hosts',
      'table <t> disable { 10.0.0.1 retry 2 ip ttl 1,\n10.0.0.2 parent 1\n}\n',
      'table <t> disable { 10.0.0.1 retry 2 ip ttl 1, 10.0.0.2 parent 1 }\n',
    ],
    [
      'router',
      `${TABLE}router u {\n\troute 0.0.0.0/0\n\troute 10.1.0.0\n\trtlabel lbd\n\tforward to <t> check icmp\n}\n`,
      'table <t> { 10.0.0.1 }\n\nrouter u {\n\troute 0.0.0.0/0\n\troute 10.1.0.0/32\n\trtlabel lbd\n\tforward to <t> check icmp\n}\n',
    ],
    [
      'append and change',
      protocol(
        'header append "$REMOTE_ADDR" to "X-For" log',
        'header change "Connection" to "close" marked 5',
      ),
      'http protocol p {\n\tmatch request header append "X-For" value "$REMOTE_ADDR"\n\tmatch request header log "X-For"\n' +
        '\tmatch request header set "Connection" value "close" tagged "5"\n}\n',
    ],
    [
      'filter and mark',
      protocol('response header filter text/html from Content-Type', 'path mark "/x*" with 7'),
      'http protocol p {\n\tblock response quick header "Content-Type" value "text/html"\n' +
        '\tmatch request path "/x*" tag "7"\n}\n',
    ],
    [
      'mark that is logged',
      protocol('header mark "X-For" with 65534 log', 'path mark "a=*" from "/t.cgi" with 2 log'),
      'http protocol p {\n\tmatch request header "X-For" tag "65534"\n\tmatch request header log "X-For"\n' +
        '\tmatch request path "/t.cgi" value "a=*" tag "2"\n\tmatch request path log "/t.cgi"\n}\n',
    ],
    [
      'expect of what is marked',
      protocol('query expect "bar" from "foo" marked 7 log'),
      'http protocol p {\n\trequest query expect "bar" from "foo" marked 7 log\n}\n',
    ],
    [
      'second option behind the first',
      'http protocol p { return error\n}\nrelay y {\n\tlisten on ::1 port 443 tls protocol p\n\tforward to 10.0.0.9 port 80\n}\n',
      'http protocol p {\n\treturn error\n}\n\nrelay y {\n\tlisten on ::1 port 443 tls\n\tprotocol p\n' +
        '\tforward to 10.0.0.9 port 80\n}\n',
    ],
    [
      'expect stays',
      protocol('url expect digest "0123456789abcdef0123456789ABCDEF" log'),
      'http protocol p {\n\trequest url expect digest "0123456789abcdef0123456789abcdef" log\n}\n',
    ],
    [
      'label',
      protocol('label "a b"', 'no label'),
      'http protocol p {\n\tmatch request label "a b"\n\tmatch response label "a b"\n\tmatch request no label\n' +
        '\tmatch response no label\n}\n',
    ],
    [
      'options of today',
      protocol(
        'tls { no tlsv1.0, ciphers "HIGH", keypair k cert "/c", ca key "/k" password "p", no session tickets }',
        'tls edh params "/dh"',
        'tcp { nodelay, no sack, socket buffer 65536, ip ttl 3 }',
        'http { headerlen 100, websockets }',
        'return error { style "a" }',
        'pass request quick inet from 10.0.0.0/8 path strip 2 forward to <t> tagged x',
        'block url digest "0123456789abcdef0123456789abcdef"',
        'match request header pattern "^a" value pattern "b"',
      ),
      'http protocol p {\n\ttls { no tlsv1.0, ciphers HIGH, keypair k cert "/c", ca key "/k" password p, no session tickets }\n' +
        '\ttls edh params "/dh"\n\ttcp { nodelay, no sack, socket buffer 65536, ip ttl 3 }\n' +
        '\thttp { headerlen 100, websockets }\n\treturn error style a\n' +
        '\tpass request quick inet from 10.0.0.0/8 path strip 2 forward to <t> tagged x\n' +
        '\tblock url digest "0123456789abcdef0123456789abcdef"\n' +
        '\tmatch request header pattern "^a" value pattern "b"\n}\n',
    ],
    [
      'relay',
      `${TABLE}relay y {\n\tlisten on ::1 port 443 ssl\n\tlisten on 127.0.0.1 port 8080\n\tsession timeout 3\n` +
        '\ttransparent forward with tls to <t> port 80 mode hash interface vr0 inet6 "::"\n' +
        '\tforward to nat lookup retry 2\n\tforward to 10.0.0.9 port ssh proxy-protocol v2\n}\n',
      'table <t> { 10.0.0.1 }\n\nrelay y {\n\tlisten on ::1 port 443 tls\n\tlisten on 127.0.0.1 port 8080\n\tsession timeout 3\n' +
        '\ttransparent forward with tls to <t> port 80 mode hash interface vr0 inet6 ::\n' +
        '\tforward to nat lookup retry 2\n\tforward to 10.0.0.9 port 22 proxy-protocol v2\n}\n',
    ],
  ];
  for (const [name, text, expected] of CASES) {
    test(name, () => {
      const once = printed(text);
      assert.ok(once.endsWith(expected) || once === expected, once);
      assert.equal(printed(once), once);
    });
  }
});

describe('words and macros', () => {
  test('a word that one language reserves is a name in the other', () => {
    const text =
      'table <key> { 10.0.0.1 }\nredirect http {\n\tlisten on 1.2.3.4 port 80\n\tforward to <key> check tcp\n}\n';
    assert.deepEqual(problems(text), []);
  });

  test('a macro may be several words, and is not expanded twice', () => {
    const text = `hosts="10.0.0.1 10.0.0.2"\n${REDIRECT.replace('10.0.0.1', '$hosts')}`;
    assert.deepEqual(
      built(text).tables[0]!.hosts.map((host) => host.name),
      ['10.0.0.1', '10.0.0.2'],
    );
  });

  test('macros of the command line win', () => {
    assert.deepEqual(problems(`h="x"\n${REDIRECT.replace('10.0.0.1', '$h')}`, { h: '10.0.0.7' }), []);
  });

  test('lines are joined by a backslash, comments too', () => {
    assert.deepEqual(problems(`# one \\\n two\n${REDIRECT.replace('forward to', 'forward \\\n to')}`), []);
  });

  test('included files', () => {
    const files = new Map([['hosts', { text: '10.0.0.1\n10.0.0.2' }]]);
    const text = REDIRECT.replace('10.0.0.1', 'include "hosts"\n');
    assert.deepEqual(parseRelaydConf(text, 'f', { facts }).missingFiles, ['hosts']);
    const { conf, errors } = parseRelaydConf(text, 'f', { facts, files });
    assert.equal(errors, 0);
    assert.equal(conf.statements[0]!.kind === 'table' && conf.statements[0]!.hosts.length, 2);
  });

  test('a file that includes itself', () => {
    const files = new Map([['f', { text: 'include "f"\n' }]]);
    const { diagnostics } = parseRelaydConf('include "f"\n', 'f', { facts, files });
    assert.match(explainDiagnostic(diagnostics[0]!), /^f:1: failed to include file f: too many levels$/);
  });
});

describe('instances', () => {
  const TWO = 'table <a> { 10.0.0.1 10.0.0.2 }\ntable <b> { 3ffe::1 }\n';

  test('tables and hosts are numbered as they are used', () => {
    const conf = built(
      `${TWO}redirect x {\n\tlisten on ::2 port 80\n\tforward to <b> check tcp\n}\n` +
        'redirect y {\n\tlisten on 1.2.3.4 port 80\n\tforward to <a> check tcp\n}\n',
    );
    assert.deepEqual(
      conf.tables.map((table) => [table.id, table.name, table.hosts.map((host) => host.id)]),
      [
        [1, 'b:80', [1]],
        [2, 'a:80', [2, 3]],
      ],
    );
  });

  test('equal uses share an instance, routed ones do not', () => {
    const use = (name: string, line: string) =>
      `redirect ${name} {\n\tlisten on 1.2.3.4 port 80\n\t${line}\n}\n`;
    const forward = 'forward to <a> check tcp';
    const route = 'route to <a> check tcp interface vr0';
    const conf = built(TWO + use('w', forward) + use('x', forward) + use('y', route) + use('z', route));
    assert.deepEqual(
      conf.redirects.map((one) => one.main.id),
      [1, 1, 2, 3],
    );
  });

  test("a use's own timeout, interval and check", () => {
    const [table] = built(
      redirect(
        'listen on 1.2.3.4 port 80',
        'forward to <t> port 8080 check icmp timeout 50 interval 20 demote carp',
      ),
    ).tables;
    assert.deepEqual(
      [table!.name, table!.check, table!.timeout, table!.interval, table!.demote],
      ['t:8080', { kind: 'icmp' }, 50, 20, 'carp'],
    );
  });

  test('an interface stands for its addresses, IPv4 first', () => {
    const [one] = built(redirect('listen on lo0 port 80', 'forward to <t> check tcp')).redirects;
    assert.deepEqual(
      one!.vips.map((vip) => vip.address.family),
      [4, 6, 6],
    );
  });
});
