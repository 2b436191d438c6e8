// SPDX-License-Identifier: ISC
//
// The control socket of a machine, the owner's alone: one command a connection, or none where only the machine's end is waited for; what a
// command prints goes back as it is printed, what it asks is asked there. Clients are bounded in number, in what they send and in what they leave unread.

import { chmodSync, existsSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { CommandIo } from '../commands/command.ts';
import {
  type ClientFrame,
  clientFrame,
  encodeFrame,
  FrameError,
  FrameReader,
  type ServerFrame,
} from './frames.ts';

/** How a command runs for a client. */
export interface CommandRunner {
  run(args: readonly string[], io: CommandIo): Promise<number>;
}

const MAXIMUM_CLIENTS = 64;
/** Output that waits for a slow client; beyond it the client is cut. */
const MAXIMUM_BACKLOG = 16 * 1024 * 1024;
/** Frames that a client may send: a command, some answers, an end. */
const MAXIMUM_FRAMES = 64;

/** Milliseconds. */
const LAST_MOMENT = 500;

/** What all clients together may do. */
export interface Pace {
  /** Milliseconds in which a client has to say what it wants. */
  readonly patience: number;
  /** Commands that may be started at once, and how many more a second. */
  readonly burst: number;
  readonly rate: number;
}

const PACE: Pace = { patience: 10_000, burst: 200, rate: 100 };

/** Characters of a frame: at three bytes each they fit. */
const TEXT_PIECE = 256 * 1024;

export class ControlServer {
  private readonly server: Server;
  private readonly clients = new Set<Client>();
  private readonly runner: CommandRunner;
  private readonly path: string;
  private readonly pace: Pace;
  private readonly allowance: Allowance;

  private constructor(path: string, runner: CommandRunner, pace: Pace) {
    this.path = path;
    this.runner = runner;
    this.pace = pace;
    this.allowance = new Allowance(pace);
    this.server = createServer((socket) => this.accept(socket));
    this.server.maxConnections = MAXIMUM_CLIENTS;
  }

  /** Listens at `path` with mode 0600. Rejects when another machine answers there; a dead one's socket is replaced. */
  static async listen(path: string, runner: CommandRunner, pace: Pace = PACE): Promise<ControlServer> {
    if (existsSync(path)) {
      if (await answers(path)) throw new Error(`${path}: this machine is running already`);
      unlinkSync(path);
    }
    const control = new ControlServer(path, runner, pace);
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
    for (const client of this.clients) client.cut();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    if (existsSync(this.path)) unlinkSync(this.path);
  }

  private accept(socket: Socket): void {
    const client = new Client(socket, this.runner, this.allowance, this.pace.patience);
    this.clients.add(client);
    socket.on('close', () => this.clients.delete(client));
  }
}

/** How many commands may still be started: a bucket that fills again with time. */
class Allowance {
  private readonly pace: Pace;
  private left: number;
  private at = performance.now();

  constructor(pace: Pace) {
    this.pace = pace;
    this.left = pace.burst;
  }

  take(): boolean {
    const now = performance.now();
    const { burst, rate } = this.pace;
    this.left = Math.min(burst, this.left + ((now - this.at) * rate) / 1_000);
    this.at = now;
    if (this.left < 1) return false;
    this.left--;
    return true;
  }
}

/** One connection: its command, and the question that waits for an answer. */
class Client {
  private readonly socket: Socket;
  private readonly runner: CommandRunner;
  private readonly allowance: Allowance;
  private readonly reader = new FrameReader();
  private readonly abort = new AbortController();
  private readonly patience: NodeJS.Timeout;
  private frames = 0;
  private started = false;
  private answered: ((text: string | undefined) => void) | undefined;

  constructor(socket: Socket, runner: CommandRunner, allowance: Allowance, patience: number) {
    this.socket = socket;
    this.runner = runner;
    this.allowance = allowance;
    this.patience = setTimeout(() => this.refuse('no request came'), patience);
    socket.on('close', () => this.closed());
    socket.on('error', () => socket.destroy());
    socket.on('data', (piece) => this.received(piece));
  }

  /** The end of the machine: a command that has ended is still told of, if that takes no longer than a moment. */
  cut(): void {
    const { socket } = this;
    if (!socket.writableEnded) socket.destroy();
    else socket.setTimeout(LAST_MOMENT, () => socket.destroy());
  }

  private closed(): void {
    clearTimeout(this.patience);
    this.abort.abort();
    this.answer(undefined);
  }

  private received(piece: Buffer): void {
    try {
      for (const frame of this.reader.push(piece).map(clientFrame)) {
        if (++this.frames > MAXIMUM_FRAMES) throw new FrameError('too many frames');
        this.handle(frame);
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.refuse(error.message);
    }
  }

  private handle(frame: ClientFrame): void {
    if (frame.op === 'cancel') {
      this.abort.abort();
      this.answer(undefined);
    } else if (frame.op === 'answer') {
      this.answer(frame.text);
    } else if (this.started) {
      throw new FrameError('one command a connection');
    } else if (frame.op === 'attach') {
      this.started = true;
      clearTimeout(this.patience);
    } else {
      this.started = true;
      clearTimeout(this.patience);
      if (!this.allowance.take()) throw new FrameError('too many commands at once; wait a moment');
      void this.run(frame.args, frame.stdin ?? '', frame.asks === true);
    }
  }

  private refuse(reason: string): void {
    this.abort.abort();
    this.send({ err: `${reason}\n` });
    this.send({ end: 1 });
    this.socket.end();
  }

  private async run(args: readonly string[], stdin: string, asks: boolean): Promise<void> {
    const status = await this.runner.run(args, {
      stdout: (text) => this.sendText(text, (out) => ({ out })),
      stderr: (text) => this.sendText(text, (err) => ({ err })),
      drained: () => this.drained(),
      stdin: () => Promise.resolve(stdin),
      signal: this.abort.signal,
      ...(asks && { ask: (question, secret = false) => this.ask(question, secret) }),
    });
    this.send({ end: status });
    this.socket.end();
  }

  private ask(question: string, secret: boolean): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.answered = resolve;
      this.send({ ask: question, secret });
      if (this.socket.destroyed) this.answer(undefined);
    });
  }

  private answer(text: string | undefined): void {
    const { answered } = this;
    this.answered = undefined;
    answered?.(text);
  }

  /** A text of any length, in as many frames as it needs. */
  private sendText(text: string, frame: (piece: string) => ServerFrame): void {
    for (let at = 0; at < text.length; ) {
      const isPair = /[\ud800-\udbff]/.test(text.charAt(at + TEXT_PIECE - 1));
      const end = at + TEXT_PIECE - (isPair ? 1 : 0);
      this.send(frame(text.slice(at, end)));
      at = end;
    }
  }

  /** Resolves when the socket takes more, or is gone. */
  private drained(): Promise<void> {
    const { socket } = this;
    if (socket.destroyed || !socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        socket.off('drain', done).off('close', done);
        resolve();
      };
      socket.on('drain', done).on('close', done);
    });
  }

  private send(frame: ServerFrame): void {
    const { socket } = this;
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
