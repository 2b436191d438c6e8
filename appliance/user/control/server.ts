// SPDX-License-Identifier: ISC
//
// The control socket of a machine, the owner's alone: one command a connection; what it prints goes back as it is printed.

import { chmodSync, existsSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { CommandIo } from '../commands/command.ts';
import { clientFrame, encodeFrame, FrameError, FrameReader, type ServerFrame } from './frames.ts';

/** How a command runs for a client. */
export interface CommandRunner {
  run(args: readonly string[], io: CommandIo): Promise<number>;
}

const MAXIMUM_CLIENTS = 64;
/** Output that waits for a slow client; beyond it the client is cut. */
const MAXIMUM_BACKLOG = 16 * 1024 * 1024;

export class ControlServer {
  private readonly server: Server;
  private readonly clients = new Set<Socket>();
  private readonly runner: CommandRunner;
  private readonly path: string;

  private constructor(path: string, runner: CommandRunner) {
    this.path = path;
    this.runner = runner;
    this.server = createServer((socket) => this.accept(socket));
    this.server.maxConnections = MAXIMUM_CLIENTS;
  }

  /** Listens at `path` with mode 0600. Rejects when another machine answers there; a dead one's socket is replaced. */
  static async listen(path: string, runner: CommandRunner): Promise<ControlServer> {
    if (existsSync(path)) {
      if (await answers(path)) throw new Error(`${path}: this machine is running already`);
      unlinkSync(path);
    }
    const control = new ControlServer(path, runner);
    const mask = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        control.server.once('error', reject);
        control.server.listen(path, () => resolve());
      });
    } finally {
      process.umask(mask);
    }
    chmodSync(path, 0o600);
    return control;
  }

  /** Closes the socket and cuts the clients. */
  async close(): Promise<void> {
    for (const client of this.clients) client.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    if (existsSync(this.path)) unlinkSync(this.path);
  }

  private accept(socket: Socket): void {
    this.clients.add(socket);
    const abort = new AbortController();
    const reader = new FrameReader();
    let started = false;
    socket.on('close', () => {
      this.clients.delete(socket);
      abort.abort();
    });
    socket.on('error', () => socket.destroy());
    socket.on('data', (piece) => {
      try {
        for (const frame of reader.push(piece).map(clientFrame)) {
          if (frame.op === 'cancel') {
            abort.abort();
          } else if (!started) {
            started = true;
            void this.run(socket, frame.args, frame.stdin ?? '', abort.signal);
          }
        }
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        this.send(socket, { err: `${error.message}\n` });
        this.send(socket, { end: 1 });
        socket.end();
      }
    });
  }

  private async run(
    socket: Socket,
    args: readonly string[],
    stdin: string,
    signal: AbortSignal,
  ): Promise<void> {
    const status = await this.runner.run(args, {
      stdout: (text) => this.send(socket, { out: text }),
      stderr: (text) => this.send(socket, { err: text }),
      stdin: () => Promise.resolve(stdin),
      signal,
    });
    this.send(socket, { end: status });
    socket.end();
  }

  private send(socket: Socket, frame: ServerFrame): void {
    if (socket.destroyed || !socket.writable) return;
    socket.write(encodeFrame(frame));
    if (socket.writableLength > MAXIMUM_BACKLOG) socket.destroy();
  }
}

/** Whether someone listens at a unix socket. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
