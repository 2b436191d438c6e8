// SPDX-License-Identifier: ISC
//
// The control socket: the owner's alone; what clients send and leave unread is bounded; questions go to the client and back.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CommandIo } from '../../../appliance/user/commands/command.ts';
import { NotRunning, runRemote, untilGone } from '../../../appliance/user/control/client.ts';
import { encodeFrame, FrameReader, MAXIMUM_FRAME } from '../../../appliance/user/control/frames.ts';
import { ControlServer } from '../../../appliance/user/control/server.ts';

let folder: string;
let path: string;
let server: ControlServer;
/** More than a frame holds, with characters of two units at every border. */
const LONG = '\u{1f642}x'.repeat(500_000);
/** Commands that were ended from outside. */
let aborted = 0;

async function run(args: readonly string[], io: CommandIo): Promise<number> {
  switch (args[0]) {
    case 'echo':
      io.stdout(`${args.slice(1).join(' ')}\n`);
      return 3;
    case 'page':
      io.stdout(LONG);
      return 0;
    case 'ask':
      io.stdout(`${await io.ask?.('Name? ')} ${await io.ask?.('Password:', true)}\n`);
      return 0;
    case 'listing':
      for (let i = 0; i < 40; i++) {
        io.stdout('x'.repeat(1024 * 1024));
        await io.drained?.();
      }
      return 0;
    case 'flood':
      for (let i = 0; i < 100 && !io.signal.aborted; i++) {
        io.stdout('x'.repeat(512 * 1024));
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (io.signal.aborted) aborted++;
      return 0;
    default:
      await new Promise((resolve) => io.signal.addEventListener('abort', resolve));
      aborted++;
      return 130;
  }
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rhine-control-'));
  path = join(folder, 'rhine.sock');
  server = await ControlServer.listen(path, { run });
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

async function client(
  args: readonly string[],
  io: Partial<CommandIo> = {},
): Promise<{ status: number; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  const status = await runRemote(path, args, {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    stdin: async () => '',
    signal: new AbortController().signal,
    ...io,
  });
  return { status, stdout, stderr };
}

test('a listing longer than what is kept for a reader arrives whole', async () => {
  const { status, stdout } = await client(['listing']);
  assert.equal(status, 0);
  assert.equal(stdout.length, 40 * 1024 * 1024);
});

test('only the owner may connect; output and exit status come back', async () => {
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(await client(['echo', 'a', 'b']), { status: 3, stdout: 'a b\n', stderr: '' });
  await assert.rejects(runRemote(join(folder, 'none'), ['x'], noTerminal()), NotRunning);
});

function noTerminal(): CommandIo {
  const { signal } = new AbortController();
  return { stdout: () => {}, stderr: () => {}, stdin: async () => '', signal };
}

test('questions are asked at the client, which says whether it can', async () => {
  const asked: [string, boolean][] = [];
  const ask = async (question: string, secret = false) => {
    asked.push([question, secret]);
    return secret ? 'sesame' : undefined;
  };
  assert.equal((await client(['ask'], { ask })).stdout, 'undefined sesame\n');
  assert.deepEqual(asked, [
    ['Name? ', false],
    ['Password:', true],
  ]);
  assert.equal((await client(['ask'])).stdout, 'undefined undefined\n');
});

test('Ctrl-C reaches the command', async () => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 50);
  assert.equal((await client(['sleep'], { signal: abort.signal })).status, 130);
});

/** A connection that says what it likes; resolves to what came back when it is closed. */
function raw(use: (socket: Socket) => void, place = path): Promise<unknown[]> {
  return new Promise((resolve) => {
    const reader = new FrameReader();
    const frames: unknown[] = [];
    const socket = connect(place, () => use(socket));
    socket.on('data', (piece) => frames.push(...reader.push(piece)));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(frames));
  });
}

const WRONG: readonly (readonly [string, (socket: Socket) => void, RegExp])[] = [
  ['no frame at all', (socket) => socket.write('GET / HTTP/1.1\r\n\r\n'), /too long/],
  ['a frame too long', (socket) => writeLength(socket, MAXIMUM_FRAME + 1), /is too long/],
  ['no request', (socket) => socket.write(encodeFrame({ end: 0 })), /not a request/],
  [
    'two commands',
    (socket) => {
      for (let i = 0; i < 2; i++) socket.write(encodeFrame({ op: 'run', args: ['sleep'] }));
    },
    /one command a connection/,
  ],
  [
    'answers that nobody asked for, without end',
    (socket) => {
      socket.write(encodeFrame({ op: 'run', args: ['sleep'] }));
      for (let i = 0; i < 100; i++) socket.write(encodeFrame({ op: 'answer', text: 'x' }));
    },
    /too many frames/,
  ],
];

function writeLength(socket: Socket, length: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  socket.write(bytes);
}

for (const [what, use, reason] of WRONG) {
  test(`a client that sends ${what} is told, and cut`, async () => {
    const frames = await raw(use);
    assert.match(JSON.stringify(frames), reason);
    assert.deepEqual(frames.at(-1), { end: 1 });
  });
}

test('a client that does not read is cut, and holds nobody up', async () => {
  const before = aborted;
  const stuck = connect(path, () => stuck.write(encodeFrame({ op: 'run', args: ['flood'] })));
  stuck.pause();
  stuck.on('error', () => {});
  assert.equal((await client(['echo', 'meanwhile'])).stdout, 'meanwhile\n');
  for (let i = 0; i < 200 && aborted === before; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(aborted, before + 1);
  stuck.destroy();
});

test('several clients at once', async () => {
  const results = await Promise.all(Array.from({ length: 40 }, (_, i) => client(['echo', String(i)])));
  assert.deepEqual(
    results.map((result) => result.stdout),
    results.map((_, i) => `${i}\n`),
  );
});

test('too many commands at once are refused with a sentence, a client that says nothing is sent away', async () => {
  const place = join(folder, 'slow.sock');
  const slow = await ControlServer.listen(place, { run }, { patience: 50, burst: 2, rate: 0 });
  try {
    const statuses: number[] = [];
    let stderr = '';
    const collect = (text: string) => {
      stderr += text;
    };
    const io = { ...noTerminal(), stderr: collect };
    for (let i = 0; i < 3; i++) statuses.push(await runRemote(place, ['echo'], io));
    assert.deepEqual(statuses, [3, 3, 1]);
    assert.match(stderr, /too many commands at once; wait a moment/);
    assert.match(JSON.stringify(await raw(() => {}, place)), /no request came/);
  } finally {
    await slow.close();
  }
});

test('a text longer than a frame arrives whole', async () => {
  const { status, stdout } = await client(['page']);
  assert.equal(status, 0);
  assert.ok(stdout === LONG, `${stdout.length} of ${LONG.length} characters`);
});

test('who is attached hears of the end, however long it takes to come', async () => {
  const place = join(folder, 'other.sock');
  const other = await ControlServer.listen(place, { run }, { patience: 50, burst: 10, rate: 10 });
  const gone: string[] = [];
  const left = new AbortController();
  const attached = untilGone(place, new AbortController().signal).then(() => gone.push('attached'));
  void untilGone(place, left.signal).then(() => gone.push('left'));
  // Longer than the server's patience with those who want nothing.
  await new Promise((resolve) => setTimeout(resolve, 150));
  left.abort();
  assert.deepEqual(gone, []);
  await other.close();
  await attached;
  await untilGone(place, new AbortController().signal);
  assert.deepEqual(gone, ['attached']);
});
