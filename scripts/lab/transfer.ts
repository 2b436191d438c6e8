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
const upload = Buffer.alloc(word === 'up' ? size : 0, 'rhine');

const socket = connect({ host, port: Number(port) });
/** What the server has said: its name, and for an upload the digest; `bytes` of a download are only compared. */
let server: string | undefined;
let said = '';
let bytes = 0;
let isRight = true;
const limit = setTimeout(() => socket.destroy(new Error(`not done in ${seconds} s`)), Number(seconds) * 1000);
socket.on('data', (piece: Buffer) => {
  if (server !== undefined) return take(piece);
  said += piece.toString('latin1');
  const end = said.indexOf('\n');
  if (end < 0) return;
  server = said.slice(0, end);
  said = '';
  socket.write(`${word} ${size}\n`);
  if (word === 'up') socket.write(upload);
});
socket.on('error', (error) => report(error.message));
socket.on('end', () => report());

function take(piece: Buffer): void {
  if (word === 'up') {
    said += piece.toString('latin1');
    return;
  }
  const { length } = server!;
  const skip = bytes % length;
  isRight &&= Buffer.alloc(piece.length + skip, server!)
    .subarray(skip)
    .equals(piece);
  bytes += piece.length;
}

function report(error?: string): void {
  clearTimeout(limit);
  const whole =
    word === 'up'
      ? said.trim() === createHash('sha1').update(upload).digest('hex')
      : isRight && bytes === size;
  const transferred: Transferred = {
    server: server ?? '',
    bytes: word === 'up' && whole ? size : bytes,
    whole,
    ...(error === undefined ? {} : { error }),
  };
  process.stdout.write(`${JSON.stringify(transferred)}\n`, () => process.exit());
}
