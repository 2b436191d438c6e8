// SPDX-License-Identifier: ISC
//
// A TCP server of a lab host that says who it is, and then does as the one line says that it is told: `end` is answered with
// `bye`, `down N` with N bytes, `up N` reads N bytes and answers with their SHA-1. Arguments: port, name.

import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';

/** Words in one piece of a download. */
const PIECE = 16_384;

const [port, name] = process.argv.slice(2);

const server = createServer({ allowHalfOpen: true }, (socket) => {
  // Clients and servers of this lab are killed at any moment; the other side is the one that counts it.
  socket.on('error', () => socket.destroy());
  socket.write(`${name}\n`);
  let told = Buffer.alloc(0);
  const listen = (piece: Buffer) => {
    told = Buffer.concat([told, piece]);
    const end = told.indexOf('\n');
    if (end < 0) return;
    socket.off('data', listen);
    obey(socket, told.toString('latin1', 0, end), told.subarray(end + 1));
  };
  socket.on('data', listen);
  socket.on('end', () => socket.end());
});
server.listen({ port: Number(port), host: '::', backlog: 4096 }, () => process.stdout.write('listening\n'));

function obey(socket: Socket, line: string, rest: Buffer): void {
  const [word, count] = line.split(' ');
  if (word === 'down') Readable.from(repeated(name!, Number(count)), { objectMode: false }).pipe(socket);
  else if (word === 'up') receive(socket, Number(count), rest);
  else socket.end('bye\n');
}

/** So many bytes of a word again and again, a piece at a time. */
function* repeated(word: string, bytes: number): Generator<Buffer> {
  const piece = Buffer.alloc(word.length * PIECE, word);
  for (let left = bytes; left > 0; left -= piece.length) yield piece.subarray(0, left);
}

function receive(socket: Socket, count: number, first: Buffer): void {
  const hash = createHash('sha1');
  let left = count;
  const take = (piece: Buffer) => {
    hash.update(piece);
    left -= piece.length;
    if (left <= 0) socket.end(`${hash.digest('hex')}\n`);
  };
  socket.on('data', take);
  take(first);
}
