// SPDX-License-Identifier: ISC
//
// The shell: how lines are read, what pipes pass on, where output goes, what is remembered and what completion offers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CommandIo } from '../../../appliance/user/commands/command.ts';
import { PARAMETERS } from '../../../appliance/user/commands/ifconfig/set.ts';
import { ifconfig } from '../../../appliance/user/commands/ifconfig.ts';
import { parseLine } from '../../../appliance/user/shell/grammar.ts';
import { History } from '../../../appliance/user/shell/history.ts';
import { lex, quoteWord, ShellSyntaxError } from '../../../appliance/user/shell/lexer.ts';
import { Shell, type ShellIo } from '../../../appliance/user/shell/shell.ts';
import { parseSynopsis } from '../../../appliance/user/shell/synopsis.ts';
import { MemoryFiles } from '../../support/memoryFiles.ts';

const WORDS: readonly (readonly [string, readonly string[]])[] = [
  ['pfctl -s rules', ['pfctl', '-s', 'rules']],
  ['  a\t b  ', ['a', 'b']],
  [`echo 'a b' "c d" e\\ f`, ['echo', 'a b', 'c d', 'e f']],
  [`a'b'"c"d`, ['abcd']],
  [`"say \\"hi\\" \\\\ \\n"`, ['say "hi" \\ \\n']],
  [`''`, ['']],
  ['ls # what is there', ['ls']],
  ['a#b', ['a#b']],
  ["tcpdump 'tcp[13] & 2 != 0'", ['tcpdump', 'tcp[13] & 2 != 0']],
];

for (const [line, words] of WORDS) {
  test(`words of ${line}`, () => {
    assert.deepEqual(
      lex(line).tokens.map((token) => token.text),
      words,
    );
  });
}

test('any word, quoted, is read as it was (seeded)', () => {
  fc.assert(
    fc.property(fc.string(), (word) => {
      const [only, ...more] = lex(quoteWord(word)).tokens;
      assert.deepEqual([only?.kind, only?.text, more], ['word', word, []]);
    }),
    { seed: 6, numRuns: 500 },
  );
});

const WRONG: readonly (readonly [string, RegExp])[] = [
  ["echo 'a", /the quote ' is not closed/],
  ['echo "a', /the quote " is not closed/],
  ['echo a\\', /nothing behind the \\/],
  ['| grep a', /a command is missing before \|/],
  ['dmesg |', /a command is missing at the end of the line/],
  ['dmesg | | wc', /a command is missing before \|/],
  ['dmesg >', /a file's name is missing behind >/],
  ['dmesg > a > b', />: one file is enough/],
  ['dmesg > a | wc', /the output can go one way only/],
  ['dmesg | wc < a', /only the first command of a pipe reads a file/],
  ['dmesg &&', /a command is missing behind &&/],
  ['; dmesg', /a command is missing before ;/],
  ['ping 10.0.0.1 &', /nothing runs in the background here/],
  ['ping $(hostname)', /does not put a command's output into a line/],
];

for (const [line, reason] of WRONG) {
  test(`'${line}' is refused with a reason`, () => {
    assert.throws(
      () => parseLine(line),
      (error) => error instanceof ShellSyntaxError && reason.test(error.message),
    );
  });
}

/** Commands that say what they were given. */
async function run(args: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = args;
  switch (name) {
    case 'input':
      io.stdout(`<${await io.stdin()}>`);
      return 0;
    case 'count':
      for (let i = 1; i <= Number(rest[0]); i++) io.stdout(`${i}\n`);
      return 0;
    case 'forever':
      for (let i = 1; !io.signal.aborted; i++) {
        io.stdout(`${i}\n`);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return 1;
    case 'false':
      return 1;
    case 'ifconfig':
      io.stdout('lo0: flags=8049<UP> mtu 32768\nvr0: flags=8843<UP> mtu 1500\n\tinet 10.0.0.1\n');
      return 0;
    case 'pfctl':
      io.stdout(rest[1] === 'Tables' ? 'bad\ngood\n' : '  relayd\n');
      return 0;
    case 'history':
      io.stdout('     1  Mon Nov 23 08:00:00 UTC 2026  boot\n     2  Mon Nov 23 09:00:00 UTC 2026  apply\n');
      return 0;
    case 'man':
      io.stdout('pf.conf(5) - rules of the packet filter\napply, check(8) - the configuration\n');
      return 0;
    case 'relayctl':
      io.stdout('Id  \tType    \tName                    \tAvlblty\tStatus\n');
      io.stdout('1   \thost    \t10.0.0.10               \t100.00%\tup\n');
      return 0;
  }
  io.stderr(`${name}: not found\n`);
  return 127;
}

interface Session {
  readonly shell: Shell;
  readonly files: MemoryFiles;
  type(line: string, io?: Partial<ShellIo>): Promise<{ status: number; stdout: string; stderr: string }>;
}

async function session(texts: Readonly<Record<string, string>> = {}): Promise<Session> {
  const files = new MemoryFiles(texts);
  const shell = new Shell({ run, files, history: await History.load(files) });
  return {
    shell,
    files,
    async type(line, io = {}) {
      let stdout = '';
      let stderr = '';
      const status = await shell.run(line, {
        stdout: (chunk) => {
          stdout += chunk;
        },
        stderr: (chunk) => {
          stderr += chunk;
        },
        signal: new AbortController().signal,
        columns: 80,
        ...io,
      });
      return { status, stdout, stderr };
    },
  };
}

const LINES: readonly (readonly [string, string, number])[] = [
  ['echo hello world', 'hello world\n', 0],
  ['echo -n hello; echo', 'hello\n', 0],
  ['false; echo still', 'still\n', 0],
  ['false && echo no', '', 1],
  ['false || echo yes', 'yes\n', 0],
  ['echo a && echo b', 'a\nb\n', 0],
  ['count 20 | grep 1 | wc -l', '      11\n', 0],
  ['count 20 | grep -c 1', '11\n', 0],
  ['count 20 | grep -v 1 | head -2', '2\n3\n', 0],
  ['count 3 | grep 7', '', 1],
  ['count 20 | tail -n 2', '19\n20\n', 0],
  ['count 3 | sort -nr', '3\n2\n1\n', 0],
  ['echo b | cat -n', '     1\tb\n', 0],
  ['echo b | less', 'b\n', 0],
  ['count 2 | input', '<1\n2\n>', 0],
  ['input < /etc/pf.conf', '<block\npass\n>', 0],
  ['grep pass /etc/pf.conf', 'pass\n', 0],
  ['grep -n pass etc/pf.conf', '2:pass\n', 0],
  ['grep -E "a(s|x)s" < /etc/pf.conf', 'pass\n', 0],
  ["grep 'a\\(s\\|x\\)s' < /etc/pf.conf", 'pass\n', 0],
  ['grep -c . /etc/pf.conf /etc/mygate', '/etc/pf.conf:2\n/etc/mygate:1\n', 0],
  ['sort -k 2 /etc/two', 'x 1\na 2\n', 0],
  ['wc /etc/pf.conf', '       2       2      11\n', 0],
  ['ls /etc', 'mygate\npf.conf\ntwo\n', 0],
  ['forever | head -3', '1\n2\n3\n', 0],
  ['nosuch', '', 127],
  ['rm /etc/two && ls /etc', 'mygate\npf.conf\n', 0],
  ['nosuch | cat', '', 0],
];

const ETC = { '/etc/pf.conf': 'block\npass\n', '/etc/mygate': '10.0.0.254', '/etc/two': 'a 2\nx 1\n' };

for (const [line, output, status] of LINES) {
  test(`${line}`, async () => {
    const { type } = await session(ETC);
    const result = await type(line);
    assert.deepEqual([result.stdout, result.status], [output, status], result.stderr);
  });
}

const SAID: readonly (readonly [string, RegExp])[] = [
  ['grep', /grep: a pattern is missing\nusage: grep/],
  ['echo | grep -Q a', /unknown option -- Q/],
  ['echo | grep "[" ', /grep: \[: /],
  ['cat', /nothing to read: name a file/],
  ['cat /etc/nosuch', /\/etc\/nosuch: No such file or directory/],
  ['rm', /usage: rm file/],
  ['rm /nosuch /etc/two', /rm: \/nosuch: No such file or directory/],
  ['ls /nosuch', /ls: \/nosuch: No such file or directory/],
  ['echo | head -n many', /many: not a number of lines/],
  ['edit /etc/pf.conf', /no full-screen editor; edit -x/],
  ['edit', /usage: edit/],
  ['!nosuch', /!nosuch: no such line in the history/],
];

for (const [line, reason] of SAID) {
  test(`${line}: says what is wrong`, async () => {
    const { type } = await session(ETC);
    const result = await type(line);
    assert.match(result.stderr, reason);
    assert.notEqual(result.status, 0);
  });
}

test('output goes into files of the machine, whole or not at all', async () => {
  const { type, files } = await session();
  await type('echo one > /tmp.txt');
  await type('echo two >> /tmp.txt');
  assert.equal(files.texts.get('/tmp.txt'), 'one\ntwo\n');
  await type('count 100 | head -1 > tmp.txt');
  assert.equal(files.texts.get('/tmp.txt'), '1\n');
  files.refusal = 'ENOSPC';
  const full = await type('echo three > /tmp.txt');
  assert.equal(full.status, 1);
  assert.match(full.stderr, /tmp\.txt: /);
  assert.equal(files.texts.get('/tmp.txt'), '1\n');
});

test('Ctrl-C ends what runs, and the line with it', async () => {
  const { type } = await session();
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 20);
  const result = await type('forever | grep 0 ; echo never', { signal: abort.signal });
  assert.equal(result.status, 130);
  assert.doesNotMatch(result.stdout, /never/);
});

test('history: kept across restarts, bounded, without secrets; ! repeats', async () => {
  const first = await session();
  await first.type('echo one');
  await first.type('echo two');
  await first.type('echo two');
  await first.type('ifconfig carp0 vhid 1 pass hunter2 carpdev vr0');
  assert.equal((await first.type('!echo')).stdout, 'echo two\ntwo\n');
  const second = await session(Object.fromEntries(first.files.texts));
  assert.deepEqual(second.shell.history.entries, ['echo one', 'echo two', 'echo two']);
  assert.equal((await second.type('!!')).stdout, 'echo two\ntwo\n');
  assert.equal((await second.type('!1')).stdout, 'echo one\none\n');
  for (let i = 0; i < 600; i++) await second.type(`echo ${i}`);
  assert.equal(second.shell.history.entries.length, 500);
  assert.equal(second.files.texts.get('/var/db/history')!.split('\n').length, 501);
});

test('synopsis: options, what they take, operands', () => {
  const { options, operands } = parseSynopsis(
    'x [-ab] [-f file] [-k host | network] [--json] show|get [name[=value] ...] | x -d who [temp]',
  );
  assert.deepEqual([...options.keys()], ['-a', '-b', '-f', '-k', '--json', '-d']);
  assert.equal(options.get('-a'), undefined);
  assert.deepEqual(options.get('-k')!.placeholders, ['host', 'network']);
  assert.deepEqual(options.get('-d')!.placeholders, ['who']);
  assert.deepEqual(
    operands.map((one) => [...one.words, ...one.placeholders]),
    [['show', 'get'], ['name'], ['temp']],
  );
});

const COMPLETED: readonly (readonly [string, readonly string[], number])[] = [
  ['pfc', ['pfctl'], 0],
  ['dmesg | gr', ['grep'], 8],
  ['ifconfig v', ['vr0'], 9],
  ['ifconfig vr0 gr', ['group'], 13],
  ['sysctl net.inet.ip.forw', ['net.inet.ip.forwarding'], 7],
  ['pfctl -t ', ['bad', 'good'], 9],
  ['pfctl -a r', ['relayd'], 9],
  ['pfctl -s ru', ['rules'], 9],
  ['pfctl -nf /etc/p', ['/etc/pf.conf'], 10],
  ['cat /e', ['/etc/'], 4],
  ['dmesg > etc/m', ['etc/mygate'], 8],
  ['relayctl sh', ['show'], 9],
  ['relayctl host disable ', ['10.0.0.10'], 22],
  ['route sh', ['show'], 6],
  ['ping we', ['web1'], 5],
  ['rollback ', ['1', '2'], 9],
  ['apply ', ['confirm'], 6],
  ['man p', ['pf.conf'], 4],
  ['man ch', ['check'], 4],
  ['pfctl -k l', ['label'], 9],
  ['pfctl --j', ['--json'], 6],
  ['help tracer', ['traceroute', 'traceroute6'], 5],
  ["echo 'a", [], 5],
  ['nosuch ', [], 7],
];

for (const [line, texts, from] of COMPLETED) {
  test(`completion of '${line}'`, async () => {
    const { shell } = await session({ ...ETC, '/etc/hosts': '10.0.0.10 web1\n' });
    const completion = await shell.complete(line, line.length);
    assert.deepEqual(
      completion.candidates.map((one) => one.text),
      texts,
    );
    assert.equal(completion.from, from);
  });
}

test('a ? at the end of a line shows what may stand there', async () => {
  const { type } = await session();
  assert.match((await type('pfctl -t ?')).stdout, /^ {2}bad {14}table\n {2}good/);
  assert.equal((await type('ping -c ?')).stdout, '  count is expected here\n');
  assert.match((await type('?')).stdout, /pfctl +control the packet filter/);
});

test('every word that ifconfig completes is one that ifconfig has', async () => {
  for (const word of PARAMETERS) {
    let stderr = '';
    await ifconfig.run(['vr0', word], {
      kernel: undefined,
      files: new MemoryFiles(),
      stdout: () => {},
      stderr: (text) => {
        stderr += text;
      },
      stdin: async () => '',
      signal: new AbortController().signal,
      machine: undefined,
      env: {},
      clock: { now: () => 0 },
    });
    assert.doesNotMatch(stderr, new RegExp(`${word}: bad value`));
  }
});

test('help lists what the shell can run', async () => {
  const { type } = await session();
  const { stdout } = await type('help');
  for (const name of ['pfctl', 'grep', 'edit', 'exit']) assert.match(stdout, new RegExp(`^${name} `, 'm'));
  assert.equal((await type('help grep')).stdout.split(' ')[0], 'usage:');
});

test('less hands a text to the terminal that has pages', async () => {
  const { type } = await session();
  const pages: string[] = [];
  const page = async (text: string) => {
    pages.push(text);
  };
  assert.equal((await type('count 3 | less', { page })).stdout, '');
  assert.deepEqual(pages, ['1\n2\n3\n']);
});

test("edit -x puts the operator's text in place", async () => {
  const { type, files } = await session(ETC);
  const given = { editElsewhere: async (_path: string, text: string) => `${text}# more\n` };
  assert.equal((await type('edit -x /etc/pf.conf', given)).status, 0);
  assert.equal(files.texts.get('/etc/pf.conf'), 'block\npass\n# more\n');
  assert.equal((await type('edit -x /etc/pf.conf', { editElsewhere: async () => undefined })).status, 1);
});

test('exit ends the console', async () => {
  const { type, shell } = await session();
  await type('exit; echo never');
  assert.equal(shell.ended, true);
});

/** Lines of what a shell might choke on. */
const ANY_LINE = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '|',
        '>',
        '>>',
        '<',
        ';',
        '&&',
        '||',
        "'",
        '"',
        '\\',
        '!',
        '?',
        '#',
        '&',
        '`',
        '$(',
        ' ',
        '-',
      ),
      fc.constantFrom(
        'echo',
        'grep',
        'head',
        'sort',
        'wc',
        'pfctl',
        'relayctl',
        'ls',
        '/etc',
        '-n',
        '-t',
        '9',
      ),
      fc.string(),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(' '));

test('whatever is typed gets a status, and completes or does not (seeded)', async () => {
  const { type, shell, files } = await session(ETC);
  await fc.assert(
    fc.asyncProperty(ANY_LINE, fc.nat(80), async (line, cursor) => {
      const { status } = await type(line);
      assert.ok(status >= 0 && status <= 255);
      const { from } = await shell.complete(line, Math.min(cursor, line.length));
      assert.ok(from <= line.length);
    }),
    { seed: 6, numRuns: 1_000 },
  );
  assert.ok([...files.texts.keys()].every((path) => path.startsWith('/')));
});
