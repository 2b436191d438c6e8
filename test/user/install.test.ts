// SPDX-License-Identifier: ISC
//
// rhine install: every template boots, answers that will not do are refused with a sentence, nothing is ever overwritten.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { rehearseDirectory } from '../../appliance/machine.ts';
import type { Answers } from '../../appliance/user/install/answers.ts';
import { FileDialogue, TerminalDialogue } from '../../appliance/user/install/dialogue.ts';
import { install } from '../../appliance/user/install/install.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'rhine-install-'));
});
after(() => rmSync(folder, { recursive: true }));

const NETWORK = `System hostname = box
IPv4 address for vr0 = 192.0.2.1/24
IPv6 address for vr0 = 2001:db8::1/64
IPv4 address for vr1 = 10.0.0.1/24
Default IPv4 route = 192.0.2.254
`;
const ROLE = 'What is this machine to be (router, load balancer, pair member)';

function fromFile(name: string, text: string): Promise<void> {
  const check = async (made: string) => (await rehearseDirectory(made)).problems;
  return install({ directory: join(folder, name), dialogue: new FileDialogue(text, 'answers'), check });
}

const TEMPLATES: readonly (readonly [Answers['role']['kind'], string, Readonly<Record<string, RegExp>>])[] = [
  [
    'router',
    'Hide the inside behind its IPv4 address (NAT)? = yes\n',
    {
      'pf.conf': /nat-to \(\$outside\)/,
      mygate: /^192\.0\.2\.254\n$/,
      'hostname.vr0': /inet6 2001:db8::1\/64/,
    },
  ],
  [
    'load balancer',
    'Addresses of the servers = 10.0.0.10 10.0.0.11\n',
    {
      'hostname.vr0': /^inet 192\.0\.2\.1\/24\ninet6 [^\n]*\n$/,
      'relayd.conf': /listen on 192\.0\.2\.1 port 80\n\tforward to/,
      'rc.conf.local': /relayd_flags=""/,
    },
  ],
  [
    'load balancer',
    'Addresses of the servers = 10.0.0.10 10.0.0.11\nAddress of the service = 192.0.2.80\n',
    { 'hostname.vr0': /^inet alias 192\.0\.2\.80\/32$/m },
  ],
  [
    'pair member',
    'Shared IPv4 address = 192.0.2.100/24\nPassphrase that both machines have = sesame\n',
    { 'hostname.carp0': /vhid 1 carpdev vr0 pass sesame advskew 0/, 'hostname.pfsync0': /up syncdev vr1/ },
  ],
];

let made = 0;
for (const [kind, answers, expected] of TEMPLATES) {
  test(`a ${kind} from an answer file boots without complaint`, async () => {
    const name = `${kind} ${++made}`;
    await fromFile(name, `${NETWORK}${ROLE} = ${kind}\n${answers}`);
    const { problems, snapshot } = await rehearseDirectory(join(folder, name));
    assert.deepEqual(problems, []);
    assert.equal(snapshot.filtering, true);
    for (const [file, pattern] of Object.entries(expected)) {
      const place = join(folder, name, 'etc', file);
      assert.match(readFileSync(place, 'utf8'), pattern);
      assert.equal(statSync(place).mode & 0o77, 0);
    }
  });
}

for (const [netmask, length] of [
  ['', 24],
  ['Netmask for vr1 = 255.255.254.0\n', 23],
  ['Netmask for vr1 = 0xffff0000\n', 16],
  ['Netmask for vr1 = /30\n', 30],
] as const) {
  test(`the netmask that an address lacks: ${netmask.trim() || 'its default'}`, async () => {
    const name = `mask ${length}`;
    const text = NETWORK.replace('10.0.0.1/24', '10.0.0.1').replace('2001:db8::1/64', '2001:db8::1');
    await fromFile(name, `${text}${netmask}`);
    const read = (file: string) => readFileSync(join(folder, name, 'etc', file), 'utf8');
    assert.match(read('hostname.vr1'), new RegExp(`^inet 10\\.0\\.0\\.1/${length}$`, 'm'));
    assert.match(read('hostname.vr0'), /^inet6 2001:db8::1\/64$/m);
  });
}

const WRONG: readonly (readonly [string, RegExp])[] = [
  ['', /answers:0: 'System hostname' needs an answer/],
  ['System hostname = -box', /answers:1: System hostname: A name has 1 to 10 letters/],
  ['System hostname = box\nNumber of network interfaces = 99', /answers:2: .*A number from 1 to 32/],
  [
    'System hostname = box\nIPv4 address for vr0 = 10.0.0.300',
    /answers:2: .*An IPv4 address is needed, as in/,
  ],
  [
    'System hostname = box\nIPv4 address for vr0 = 10.0.0.1\nNetmask for vr0 = 255.0.255.0',
    /answers:3: .*A netmask is needed, as in 255\.255\.255\.0 or 24/,
  ],
  [
    'System hostname = box\nIPv6 address for vr0 = 2001:db8::1\nIPv6 prefix length for vr0 = 129',
    /A prefix length is needed, as in 64/,
  ],
  [`${NETWORK}Default IPv6 route = 2001:db9::1`, /2001:db9::1 is in the network of none of the interfaces/],
  [`${NETWORK}${ROLE} = switch`, /One of these is needed: router, load balancer, pair member/],
  [`${NETWORK}${ROLE} = load\nAddresses of the servers = web1`, /Addresses with blanks between them/],
  [`${NETWORK}Colour = red`, /answers:6: nobody asked 'colour'/],
  ['System hostname', /answers:1: expected question = answer/],
];

for (const [text, reason] of WRONG) {
  test(`refused: ${reason.source}`, async () => {
    await assert.rejects(async () => fromFile('wrong', text), reason);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.includes('wrong')),
      [],
    );
  });
}

test('a directory with anything in it is left alone', async () => {
  const place = join(folder, 'mine');
  rmSync(place, { recursive: true, force: true });
  await fromFile('mine', NETWORK);
  writeFileSync(join(place, 'etc/pf.conf'), 'mine');
  await assert.rejects(fromFile('mine', NETWORK), /is there already and not empty; nothing is overwritten/);
  assert.equal(readFileSync(join(place, 'etc/pf.conf'), 'utf8'), 'mine');
});

test('on a terminal a secret is asked twice, unseen, and never shown', async () => {
  const typed = ['correct horse', 'battery', 'staple', 'staple'];
  const asked: string[] = [];
  const ask = async (question: string, secret?: boolean) => {
    assert.equal(secret, true);
    asked.push(question);
    return typed.shift();
  };
  const said: string[] = [];
  const dialogue = new TerminalDialogue(ask, (line) => said.push(line));
  const question = { text: 'Password', otherwise: '', check: (value: string) => ({ value }) };
  assert.equal(await dialogue.askSecret(question), 'staple');
  assert.deepEqual(asked, ['Password? ', 'The same again? ', 'Password? ', 'The same again? ']);
  assert.deepEqual(said, ['They differ; once more.']);
});

test('on a terminal a wrong answer is explained and asked again; the end of the input makes nothing', async () => {
  const typed = ['box!', 'box', '1', '192.0.2.256', '192.0.2.1/24', '', '', ''];
  const said: string[] = [];
  const asked: string[] = [];
  const ask = async (question: string) => {
    asked.push(question);
    return typed.shift();
  };
  const dialogue = new TerminalDialogue(ask, (line) => said.push(line));
  const directory = join(folder, 'typed');
  await assert.rejects(install({ directory, dialogue, check: async () => [] }), /given up; nothing was made/);
  assert.equal(existsSync(directory), false);
  assert.deepEqual(asked.slice(0, 3), [
    'System hostname? ',
    'System hostname? ',
    'Number of network interfaces? [2] ',
  ]);
  assert.equal(said.length, 2);
});
