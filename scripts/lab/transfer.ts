// SPDX-License-Identifier: ISC
//
// One transfer with a talker: so many bytes down or up. Prints one line of JSON, a `Transferred`. Arguments: address, port, `down`
// or `up`, bytes, seconds it may take.

import { createHash } from 'node:crypto';
import { connect } from 'node:net';

export interface Transferred {
  readonly server: string;
  readonly bytes: number;
  /** Both ends have the same. */
  readonly whole: boolean;
  readonly error?: string;
}

const [host = '', port, word, count, seconds] = process.argv.slice(2);
const size = Number(count);
const upload = Buffer.alloc(size, 'rhine');

const socket = connect({ host, port: Number(port) });
const pieces: Buffer[] = [];
let isTold = false;
const limit = setTimeout(() => socket.destroy(new Error(`not done in ${seconds} s`)), Number(seconds) * 1000);
socket.on('data', (piece: Buffer) => {
  pieces.push(piece);
  if (isTold || !piece.includes('\n')) return;
  isTold = true;
  socket.write(`${word} ${size}\n`);
  if (word === 'up') socket.write(upload);
});
socket.on('error', (error) => report(error.message));
socket.on('end', () => report());

function report(error?: string): void {
  clearTimeout(limit);
  const all = Buffer.concat(pieces);
  const end = all.indexOf('\n');
  const server = all.toString('latin1', 0, Math.max(0, end));
  const body = all.subarray(end + 1);
  const whole =
    word === 'up'
      ? body.toString('latin1').trim() === createHash('sha1').update(upload).digest('hex')
      : body.equals(Buffer.alloc(size, server));
  const bytes = word === 'up' ? (whole ? size : 0) : body.length;
  const transferred: Transferred = { server, bytes, whole, ...(error === undefined ? {} : { error }) };
  process.stdout.write(`${JSON.stringify(transferred)}\n`, () => process.exit());
}
