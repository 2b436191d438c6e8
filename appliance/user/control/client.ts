// SPDX-License-Identifier: ISC
//
// The other end of the control socket: asks a running machine to run a command.

import { connect } from 'node:net';
import { encodeFrame, FrameReader, type ServerFrame } from './frames.ts';

export interface RemoteIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Ends the command when it fires. */
  readonly signal?: AbortSignal;
}

/** Nobody listens at the machine's control socket. */
export class NotRunning extends Error {}

/** Runs a command on the machine behind `path`; resolves to its exit status. Rejects with NotRunning when there is none. */
export function runRemote(
  path: string,
  args: readonly string[],
  stdin: string,
  io: RemoteIo,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const reader = new FrameReader();
    let status: number | undefined;
    socket.once('connect', () => socket.write(encodeFrame({ op: 'run', args, stdin })));
    io.signal?.addEventListener('abort', () => socket.write(encodeFrame({ op: 'cancel' })));
    socket.on('data', (piece) => {
      for (const frame of reader.push(piece) as ServerFrame[]) {
        if ('out' in frame) io.stdout(frame.out);
        else if ('err' in frame) io.stderr(frame.err);
        else status = frame.end;
      }
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const gone = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
      reject(gone ? new NotRunning(`no machine is running there (${path})`) : error);
    });
    socket.once('close', () => {
      if (status === undefined) reject(new Error('the machine went away'));
      else resolve(status);
    });
  });
}
