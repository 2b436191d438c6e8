// SPDX-License-Identifier: ISC
//
// The other end of the control socket: asks a running machine to run a command.

import { connect } from 'node:net';
import type { CommandIo } from '../commands/command.ts';
import { encodeFrame, FrameReader, type ServerFrame } from './frames.ts';

/** Nobody listens at the machine's control socket. */
export class NotRunning extends Error {}

/** The machine ended before the command did. */
export class MachineGone extends Error {
  constructor() {
    super('the machine went away');
  }
}

/**
 * Runs a command on the machine behind `path`; resolves to its exit status. Rejects with NotRunning when there is none, with MachineGone
 * when it ends meanwhile.
 */
export async function runRemote(path: string, args: readonly string[], io: CommandIo): Promise<number> {
  const stdin = await io.stdin();
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const reader = new FrameReader();
    let status: number | undefined;
    socket.once('connect', () => {
      socket.write(encodeFrame({ op: 'run', args, stdin, asks: io.ask !== undefined }));
    });
    const cancel = () => socket.write(encodeFrame({ op: 'cancel' }));
    io.signal.addEventListener('abort', cancel);
    const handle = (frame: ServerFrame): void => {
      if ('out' in frame) io.stdout(frame.out);
      else if ('err' in frame) io.stderr(frame.err);
      else if ('end' in frame) status = frame.end;
      else void answer(frame.ask, frame.secret);
    };
    const answer = async (question: string, secret: boolean): Promise<void> => {
      const text = await io.ask?.(question, secret);
      if (!socket.destroyed) socket.write(encodeFrame({ op: 'answer', ...(text !== undefined && { text }) }));
    };
    socket.on('data', (piece) => {
      for (const frame of reader.push(piece) as ServerFrame[]) handle(frame);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const gone = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
      reject(gone ? new NotRunning(`no machine is running there (${path})`) : error);
    });
    socket.once('close', () => {
      io.signal.removeEventListener('abort', cancel);
      if (status === undefined) reject(new MachineGone());
      else resolve(status);
    });
  });
}

/** Resolves when the machine behind `path` is gone, in whatever way it ended; never after `signal`. */
export function untilGone(path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const leave = () => socket.destroy();
    signal.addEventListener('abort', leave);
    socket.once('connect', () => socket.write(encodeFrame({ op: 'attach' })));
    socket.on('data', () => {}); // the reason of a refusal, behind which the end comes
    socket.once('error', () => {}); // such as ECONNREFUSED: the close that follows says the same
    socket.once('close', () => {
      signal.removeEventListener('abort', leave);
      if (!signal.aborted) resolve();
    });
  });
}
