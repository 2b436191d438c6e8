// SPDX-License-Identifier: ISC
//
// The virtual consoles on a pseudo-terminal (tmux): every screen at three sizes, keys, the editor, and the terminal given back in each
// way a console can end; needs no root.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PROJECT } from '../support/lab.ts';
import { noTerminal, type Size, Terminal } from '../support/terminal.ts';

const RHINE = `${process.execPath} ${join(PROJECT, 'dist/appliance/main.js')}`;
const SERVER = `rhine-screens-${process.pid}`;
const skip = noTerminal();

const ETC = {
  'hostname.vr0': 'inet 10.0.0.1/24\n',
  'hostname.vr1': 'inet 10.9.0.1/24\n',
  'hostname.carp0': 'inet 10.0.0.5/24 vhid 1 carpdev vr0 pass sesame\n',
  'hostname.pfsync0': 'syncdev vr1\n',
  'pf.conf': 'pass\nanchor "relayd/*"\nblock in on vr0 proto tcp to port 23\n',
  'relayd.conf':
    'table <web> { 10.0.0.11 }\nredirect www {\n listen on 10.0.0.5 port 80 interface vr0\n forward to <web> port 80 check icmp\n}\n',
  'rc.conf.local': 'relayd_flags=\n',
};

/** What each screen shows when it has been asked for. */
const SCREENS: readonly (readonly [key: string, pattern: RegExp])[] = [
  ['F2', /^vr0 +active .*[\s\S]* vr\d: ethernet|^lo0 +up[\s\S]* lo0: loopback/m],
  ['F3', /^ \d+ states {2}by bytes {2}1 of \d+$[\s\S]*^carp +O /m],
  ['F4', /^ main ruleset: 3 rules[\s\S]*anchor "relayd\/\*" all/m],
  ['F5', /redirect www +\w+[\s\S]*host 10\.0\.0\.11 +down/],
  ['F6', /^carp0 +1 this MASTER[^\n]* on vr0[\s\S]*demotion: 0[\s\S]*pfsync: over vr1/m],
  ['F7', /vr0: everything[\s\S]*CARPv2-advertise/],
  ['F8', /^carp0: state transition: BACKUP -> MASTER/m],
  ['F1', /^box#$/m],
];

const SIZES: readonly Size[] = [
  { columns: 80, rows: 24 },
  { columns: 200, rows: 60 },
  { columns: 60, rows: 20 },
];

let directory: string;
let machine: Terminal;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rhine-screens-'));
  mkdirSync(join(directory, 'etc'));
  const interfaces = { vr0: { driver: 'memory' }, vr1: { driver: 'memory' } };
  writeFileSync(join(directory, 'machine.json'), JSON.stringify({ name: 'box', interfaces }));
  for (const [file, text] of Object.entries(ETC)) writeFileSync(join(directory, 'etc', file), text);
  if (skip !== false) return;
  machine = new Terminal(`${SERVER}-machine`, shell(`${RHINE} boot ${directory}`));
  await machine.until(() => machine.screen.includes('box#'), 'no prompt');
});
after(() => {
  if (skip === false) machine.end();
  rmSync(directory, { recursive: true, force: true });
});

/** A command with what tells of its end. */
function shell(command: string, environment = 'LC_ALL=C.UTF-8'): string {
  return `${environment} ${command}; echo "ended with $?"; stty -a; sleep 120`;
}

async function attached(work: (terminal: Terminal) => Promise<void>, environment?: string): Promise<void> {
  const terminal = new Terminal(SERVER, shell(`${RHINE} console ${directory}`, environment));
  try {
    await terminal.until(() => terminal.screen.includes('box#'), 'no prompt');
    await work(terminal);
  } finally {
    terminal.end();
  }
}

/** The console has ended with this status, and the terminal is as terminals are. */
async function isBack(terminal: Terminal, status: number): Promise<void> {
  await terminal.sees(new RegExp(`ended with ${status}[\\s\\S]*[^-]icanon[\\s\\S]*[^-]echo `));
  assert.equal(terminal.format('alternate_on'), '0');
  assert.equal(terminal.format('cursor_flag'), '1');
  assert.equal(terminal.format('keypad_flag'), '0');
}

test('every screen at three sizes, resized while it runs', { skip }, async () => {
  await attached(async (terminal) => {
    for (const size of SIZES) {
      terminal.resize(size);
      for (const [key, pattern] of SCREENS) {
        terminal.key(key);
        const bar = key === 'F1' ? /^ ?(F1|1) shell/ : new RegExp(`^.*\\b(F|)${key.slice(1)}\\b`);
        const isWhole = () => {
          const { screen } = terminal;
          const fits = screen.length === size.rows && /^ \S+ \w/.test(screen.at(-1)!);
          return fits && bar.test(screen[0]!) && pattern.test(screen.join('\n'));
        };
        await terminal.until(isWhole, `${key} is not right at ${size.columns}x${size.rows}`);
      }
    }
    terminal.type('exit');
    await isBack(terminal, 0);
  });
});

test('keys of the screens: filter, explain, a question refused, handing over', { skip }, async () => {
  await attached(async (terminal) => {
    terminal.key('F3');
    await terminal.sees(/states {2}by bytes/);
    terminal.key('o', '/');
    await terminal.sees(/^states with: ?$/m);
    terminal.type('nowhere');
    await terminal.sees(/0 with 'nowhere' {2}by pkts/);
    terminal.key('F4');
    await terminal.sees(/3 rules/);
    terminal.key('e', 'C-u');
    terminal.type('in on vr0 tcp from 10.0.0.7 to 10.0.0.1 port 23');
    await terminal.sees(/^ block: rule 2: block drop in on vr0/m);
    terminal.key('F6');
    await terminal.sees(/demotion: 0/);
    terminal.key('h');
    await terminal.sees(/hand every virtual host over/);
    terminal.type('no');
    await terminal.sees(/t take back/);
    terminal.key('h');
    terminal.type('yes');
    await terminal.sees(/demotion: 128/);
    terminal.key('t');
    terminal.type('yes');
    await terminal.sees(/demotion: 0/);
  });
});

test('a state is killed, a host disabled, drained and enabled: each after a question', { skip }, async () => {
  const asked = async (terminal: Terminal, key: string, question: RegExp, done: RegExp) => {
    terminal.key(key);
    await terminal.sees(question);
    terminal.type('yes');
    await terminal.sees(done);
  };
  await attached(async (terminal) => {
    terminal.key('F3', '/');
    await terminal.sees(/^states with: ?$/m);
    terminal.type('carp');
    await terminal.sees(/ [1-9]\d* with 'carp'/);
    await asked(terminal, 'k', /^kill carp \S+ -> \S+\? \[no\]/m, /1 state killed/);
    terminal.key('F5');
    await terminal.sees(/host 10\.0\.0\.11/);
    terminal.key('Down', 'Down');
    await asked(terminal, 'd', /^disable host 10\.0\.0\.11\?/m, /host 10\.0\.0\.11 +disabled/);
    terminal.key('e');
    await terminal.sees(/host 10\.0\.0\.11 +(up|down|unknown)/);
    await asked(
      terminal,
      'D',
      /^drain host 10\.0\.0\.11\?/m,
      /host 10\.0\.0\.11 drains|host 10\.0\.0\.11 +\S*drain/,
    );
    terminal.key('Up', 'Up');
    await asked(terminal, 'd', /^disable redirect www\?/m, /redirect www +disabled/);
    terminal.key('e');
    await terminal.sees(/redirect www +(active|down)/);
    terminal.key('Down', 'Down', 'e');
    await terminal.sees(/host 10\.0\.0\.11 +(up|down|unknown)/);
  });
});

test('where there are users the screens ask for a login first', { skip }, async () => {
  await attached(async (terminal) => {
    terminal.type('passwd');
    for (const question of ['New password:', 'Retype new password:']) {
      await terminal.sees(new RegExp(`^${question}`, 'm'));
      terminal.type('open sesame');
    }
    await terminal.sees(/Retype new password:.*\n+box#/);
    terminal.type('exit');
    await isBack(terminal, 0);
  });
  const passwd = join(directory, 'etc/master.passwd');
  const terminal = new Terminal(SERVER, shell(`${RHINE} console ${directory}`));
  try {
    const tries = async (password: string, answer: RegExp) => {
      await terminal.sees(/^box login: ?$/m);
      terminal.type('root');
      await terminal.sees(/^Password: ?$/m);
      terminal.type(password);
      await terminal.sees(answer);
      assert.doesNotMatch(terminal.text, /sesame/);
    };
    await terminal.sees(/^box login: ?$/m);
    terminal.key('F2');
    await tries('sesame street', /^Login incorrect$/m);
    assert.match(terminal.screen.join('\n'), /^box login: root$/m);
    terminal.key('C-l');
    await tries('open sesame', /^box#$/m);
    terminal.key('F2');
    await terminal.sees(/^vr0 +active/m);
    terminal.key('F1');
    writeFileSync(passwd, 'no colon\n');
    terminal.type('exit');
    await isBack(terminal, 0);
  } finally {
    terminal.end();
  }
  const locked = new Terminal(SERVER, shell(`${RHINE} console ${directory}`));
  try {
    await locked.sees(/master\.passwd:1: .*nobody can log in before that is\s+mended/);
    rmSync(passwd);
    locked.type('root');
    locked.type('');
    await locked.sees(/^box#$/m);
  } finally {
    rmSync(passwd, { force: true });
    locked.end();
  }
});

test('packets: a filter and its mistake, a packet as a tree, saved and read by another tcpdump', {
  skip,
}, async () => {
  await attached(async (terminal) => {
    terminal.key('F7', '/');
    await terminal.sees(/^packets with:/m);
    terminal.type('proto carp and and');
    await terminal.sees(/^ tcpdump: .*and/m);
    terminal.key('/', 'C-u');
    terminal.type('proto 112');
    await terminal.sees(/vr0: proto 112 {2}\d+ of \d+\n[\d:.]+ CARPv2-advertise 36: vhid=1/);
    terminal.key('Enter');
    await terminal.sees(/^ \+ Ethernet {2}destination 01:00:5e:00:00:12[\s\S]*^ - IPv4$[\s\S]* ttl +255$/m);
    terminal.key('End', 'Up', 'Left');
    await terminal.sees(/^ \+ carp {2}version 2, type 1 \(advertise\), vhid 1, advskew 0/m);
    terminal.key('Escape');
    await terminal.sees(/ Enter decode /);
    terminal.key('s', 'C-u');
    terminal.type('/var/log/carp.pcap');
    await terminal.sees(/packets? (is|are) in \/var\/log\/carp\.pcap/);
    terminal.key('s', 'C-u');
    terminal.type('/../../outside');
    await terminal.sees(/outside the machine's directory|No such file|\S+: .*denied/i);
  });
  if (noTcpdump()) return;
  const file = join(directory, 'var/log/carp.pcap');
  const lines = execFileSync('tcpdump', ['-n', '-T', 'carp', '-r', file], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  assert.match(lines, /^[\d:.]+ IP \S+ > 224\.0\.0\.18: CARPv2-advertise 36: vhid=1 /m);
});

/** Whether the host lacks tcpdump(8). */
function noTcpdump(): boolean {
  return spawnSync('tcpdump', ['--version']).status !== 0;
}

test('the shell: a command stopped, completion, history; and the editor', { skip }, async () => {
  await attached(async (terminal) => {
    terminal.type('ping 10.0.0.1');
    await terminal.sees(/icmp_seq=1/);
    terminal.key('C-c');
    await terminal.sees(/0\.0% packet loss/);
    terminal.key('C-l', 'upt', 'Tab');
    await terminal.sees(/^box# uptime/m);
    terminal.key('C-u', 'C-r', 'pin');
    await terminal.sees(/\(reverse-i-search\) 'pin': ping 10\.0\.0\.1/);
    terminal.key('C-g', 'C-u');
    terminal.type('edit /etc/pf.conf');
    await terminal.sees(/^ 1 pass$/m);
    terminal.key('End', 'Enter');
    terminal.key('-l', 'block quik');
    await terminal.sees(/^!2 block quik$[\s\S]*line 2: .*did you mean quick\?/m);
    terminal.key('BSpace', 'BSpace', 'ick', 'C-s');
    await terminal.sees(/saved; apply/);
    assert.equal(
      readFileSync(join(directory, 'etc/pf.conf'), 'utf8'),
      ETC['pf.conf'].replace('\n', '\nblock quick\n'),
    );
    terminal.key('C-u', 'C-u', 'C-u', 'C-u', 'C-x');
    await terminal.sees(/save the changes\?/);
    terminal.type('yes');
    await terminal.until(() => terminal.screen.at(-1)!.includes('Tab'), 'the editor stays');
    assert.equal(readFileSync(join(directory, 'etc/pf.conf'), 'utf8'), ETC['pf.conf']);
  });
});

test('the mouse, once it is wanted: tabs, rows, the wheel; and given back', { skip }, async () => {
  await attached(async (terminal) => {
    /** What a terminal sends for a button at a place that counts from 1; the wheel is 64 up, 65 down (SGR, DEC mode 1006). */
    const mouse = (button: number, column: number, row: number) =>
      terminal.key('-l', `\x1b[<${button};${column};${row}M`);
    assert.equal(terminal.format('mouse_standard_flag'), '0');
    terminal.key('M-m');
    await terminal.sees(/the mouse is on/);
    assert.equal(terminal.format('mouse_standard_flag'), '1');
    mouse(0, 20, 1);
    await terminal.sees(/^ vr0: ethernet|^ lo0: loopback/m);
    mouse(0, 5, 5);
    await terminal.sees(/^ vr1: ethernet/m);
    mouse(64, 5, 4);
    await terminal.sees(/^ lo0: loopback/m);
    terminal.key('M-m');
    await terminal.sees(/the mouse is off/);
    assert.equal(terminal.format('mouse_standard_flag'), '0');
    terminal.key('M-m', 'F1');
    terminal.type('exit');
    await isBack(terminal, 0);
    assert.equal(terminal.format('mouse_standard_flag'), '0');
  });
});

test('sixteen colours are enough', { skip }, async () => {
  await attached(async (terminal) => {
    terminal.key('F6');
    await terminal.sees(/^carp0 +1 this MASTER/m);
    // Of the sixteen: green for a master, white on blue for the bar; never one of 256.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
    assert.match(terminal.coloured, /\x1b\[(?:[\d;]*;)?32m *MASTER/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
    assert.doesNotMatch(terminal.coloured, /\x1b\[[\d;]*[34]8;/);
  }, 'TERM=xterm-16color LC_ALL=C.UTF-8');
});

test('ASCII and no colour where the terminal wants that', { skip }, async () => {
  await attached(async (terminal) => {
    for (const [key, pattern] of SCREENS) {
      terminal.key(key);
      await terminal.sees(pattern);
      assert.match(terminal.screen.join('\n'), /^[\x20-\x7e\n]*$/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
      assert.doesNotMatch(terminal.coloured, /\x1b\[(?:[\d;]*;)?(?:3[0-7]|4[0-7])m/);
    }
  }, 'NO_COLOR=1 LC_ALL=C');
});

test('signals give the terminal back; a stopped console goes on', { skip }, async () => {
  for (const [signal, status] of [
    ['TERM', 143],
    ['HUP', 129],
  ] as const) {
    await attached(async (terminal) => {
      process.kill(consoleOf(terminal), `SIG${signal}`);
      await isBack(terminal, status);
    });
  }
  await attached(async (terminal) => {
    process.kill(consoleOf(terminal), 'SIGKILL');
    await terminal.until(() => terminal.format('alternate_on') === '0', 'the screen stays');
    const settings = () =>
      execFileSync('stty', ['-a', '-F', terminal.format('pane_tty')], { encoding: 'utf8' });
    await terminal.until(() => / icanon[\s\S]* echo /.test(settings()), 'the terminal stays raw');
    assert.equal(terminal.format('cursor_flag'), '1');
  });
  await attached(async (terminal) => {
    const pid = consoleOf(terminal);
    process.kill(pid, 'SIGTSTP');
    await terminal.until(() => terminal.format('alternate_on') === '0', 'the screen stays');
    process.kill(pid, 'SIGCONT');
    await terminal.until(() => terminal.screen.includes('box#'), 'no prompt');
    terminal.type('echo here again');
    await terminal.sees(/^here again$/m);
  });
});

test('the machine ends: its own terminal and one attached are given back', { skip }, async () => {
  await attached(async (terminal) => {
    machine.type('halt');
    await isBack(machine, 0);
    await terminal.sees(/^the machine went away$/m);
    await isBack(terminal, 4);
  });
});

test('a defect in drawing: the machine goes on, a prompt says so, and screens come back', {
  skip,
}, async () => {
  const planted = `--import ${join(PROJECT, 'dist/test/support/brokenView.js')}`;
  const broken = RHINE.replace(' ', ` ${planted} `);
  const terminal = new Terminal(SERVER, shell(`${broken} boot ${directory}`));
  try {
    await terminal.until(() => terminal.screen.includes('box#'), 'no prompt');
    terminal.key('F8');
    await terminal.shows(/planted in drawing[\s\S]*^The screens broke down[\s\S]*^box#/m);
    assert.equal(terminal.format('alternate_on'), '0');
    terminal.type('echo one; pfctl -s rules | wc -l');
    await terminal.shows(/^box# echo one; pfctl -s rules \| wc -l\none\n +\d+\nbox#/m);
    terminal.type('exit');
    await terminal.until(() => /^ ?(F1|1) shell/.test(terminal.screen[0]!), 'no screens');
    terminal.type('echo once');
    await terminal.sees(/^box# echo once\nonce\nbox#/m);
    terminal.type('halt');
    await isBack(terminal, 0);
  } finally {
    terminal.end();
  }
});

/** The node process that the terminal's shell has started. */
function consoleOf(terminal: Terminal): number {
  const parent = terminal.format('pane_pid');
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ');
  return Number(children[0]);
}
