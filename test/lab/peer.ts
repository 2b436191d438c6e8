// SPDX-License-Identifier: ISC
//
// What runs on the Linux hosts of pf's lab: a server that tells who it hears from, and clients that end connections in many ways.
// Arguments: serve PORT | get HOST PORT BYTES | put HOST PORT BYTES | half HOST PORT BYTES | reset HOST PORT | hold HOST PORT |
// udp HOST PORT BYTES. A client prints one line, or several where it holds a connection.

import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const [what, ...words] = process.argv.slice(2);
const LIMIT = 15_000;

function pattern(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** `N` asks for the address that was heard from and N bytes; `upload N` sends so many first. */
function serve(port: number): void {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', (error) => say(`error ${'code' in error ? error.code : error.message}`));
    const heard: Buffer[] = [];
    let length = 0;
    let answered = false;
    const answer = () => {
      const all = Buffer.concat(heard);
      const end = all.indexOf('\n');
      if (answered || end < 0) return;
      const [first, second] = all.subarray(0, end).toString().split(' ');
      if (first === 'hold') {
        heard.length = 0;
        return socket.write(`held ${all.subarray(end + 1).length}\n`);
      }
      const upload = first === 'upload' ? Number(second) : 0;
      if (all.length - end - 1 < upload) return;
      answered = true;
      const good = upload === 0 || all.subarray(end + 1).equals(pattern(upload));
      socket.write(`${socket.remoteAddress} ${good ? 'good' : 'bad'}\n`);
      socket.end(first === 'upload' ? '' : pattern(Number(first)));
    };
    socket.on('data', (piece: Buffer) => {
      heard.push(piece);
      length += piece.length;
      if (length > 50_000_000) socket.destroy();
      answer();
    });
  });
  server.listen({ port, host: '::' }, () => {
    const udp = createSocket({ type: 'udp6' });
    udp.on('message', (data, from) => udp.send(data, from.port, from.address));
    udp.bind(port, () => say('listening'));
  });
}

/** Connects, and fails in time. */
function open(host: string, port: number, opened: (socket: Socket) => void): void {
  const socket = connect({ host, port, allowHalfOpen: true }, () => opened(socket));
  socket.setTimeout(LIMIT, () => fail('timeout'));
  socket.on('error', (error) => fail('code' in error ? String(error.code) : error.message));
}

function fail(why: string): void {
  say(`failed ${why}`);
  process.exit(1);
}

/** Reads to the end: who the server heard, and whether all bytes were right. */
function read(socket: Socket, expected: number): void {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  socket.on('end', () => {
    const all = Buffer.concat(pieces);
    const end = all.indexOf('\n');
    const right = all.subarray(end + 1).equals(pattern(expected));
    say(`${all.subarray(0, end).toString()} ${right ? 'right' : 'wrong'} ${all.length - end - 1}`);
    socket.end();
  });
}

function hold(socket: Socket): void {
  createInterface({ input: process.stdin }).on('line', () => socket.write('hold \n'));
  socket.on('data', (piece: Buffer) => say(piece.toString().trim()));
  say(`open ${socket.localPort}`);
}

function datagram(host: string, port: number, length: number): void {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  setTimeout(() => fail('timeout'), LIMIT).unref();
  socket.on('message', (data) => {
    say(data.equals(pattern(length)) ? 'right' : 'wrong');
    socket.close();
  });
  socket.send(pattern(length), port, host);
}

const [host = '', port = '0', bytes = '0'] = words;
switch (what) {
  case 'serve':
    serve(Number(host));
    break;
  case 'get':
    open(host, Number(port), (socket) => {
      socket.write(`${bytes}\n`);
      read(socket, Number(bytes));
    });
    break;
  case 'put':
    open(host, Number(port), (socket) => {
      socket.write(`upload ${bytes}\n`);
      socket.write(pattern(Number(bytes)));
      read(socket, 0);
    });
    break;
  case 'half':
    // The client is done before the server has begun.
    open(host, Number(port), (socket) => {
      socket.end(`${bytes}\n`);
      read(socket, Number(bytes));
    });
    break;
  case 'reset':
    open(host, Number(port), (socket) => {
      socket.write('hold\n', () => socket.resetAndDestroy());
      say('reset');
    });
    break;
  case 'hold':
    open(host, Number(port), hold);
    break;
  case 'udp':
    datagram(host, Number(port), Number(bytes));
    break;
  default:
    fail(`unknown: ${what}`);
}
