// SPDX-License-Identifier: ISC
//
// Two hundred connections of a client, a third of them translated, a third redirected: questions, each answered by its echo, now and then
// with seconds between them.

import { CallError } from '../../appliance/abi/errno.ts';
import type { Random } from '../../appliance/kernel/random.ts';
import { endpoint, TcpUser } from '../kernel/transport/userland.ts';
import type { Host } from '../support/world.ts';
import type { FaultyNetwork } from './faultyNetwork.ts';
import { SERVER, VIP } from './pair.ts';

const SECOND = 1_000_000;
export const CONNECTIONS = 200;
/** Ports from here on are translated (pair.ts). */
const TRANSLATED = 20_000;

export interface Connection {
  readonly port: number;
  readonly questions: number;
  phase: 'waiting' | 'opening' | 'open' | 'done' | 'failed';
  answered: number;
  /** It was open once. */
  opened: boolean;
  /** Nobody can be blamed when it fails: its states were lost with their only machine. */
  excused: boolean;
  why: string;
}

export class Traffic {
  readonly connections: Connection[] = [];
  private readonly network: FaultyNetwork;
  private readonly random: Random;
  private readonly client: Host;

  /** Connections begin between `from` and `to` seconds. */
  constructor(network: FaultyNetwork, random: Random, client: Host, server: Host, from: number, to: number) {
    this.network = network;
    this.random = random;
    this.client = client;
    TcpUser.listen(server, 80, (user) => {
      server.on('socket.data', (event) => {
        if (event.id !== user.id) return;
        if (event.data.length === 0) user.close();
        else user.send(event.data);
      });
    });
    for (let i = 0; i < CONNECTIONS; i++) {
      const port = (i % 3 === 1 ? TRANSLATED : 10_000) + i;
      const connection: Connection = {
        port,
        questions: 2 + random.below(5),
        phase: 'waiting',
        answered: 0,
        opened: false,
        excused: false,
        why: '',
      };
      this.connections.push(connection);
      const at = from * SECOND + random.below((to - from) * SECOND);
      network.after(at - network.now, () => this.open(connection, i % 3 === 2));
    }
  }

  /** Those that are under way. */
  get live(): Connection[] {
    return this.connections.filter(({ phase }) => phase === 'opening' || phase === 'open');
  }

  private open(connection: Connection, redirected: boolean): void {
    const { client } = this;
    connection.phase = 'opening';
    const id = client.call('socket.open', { type: 'tcp', family: 4 });
    client.call('socket.bind', { id, port: connection.port });
    const user = new TcpUser(client, id);
    const stops = [
      client.on('socket.connected', (event) => {
        if (event.id !== id) return;
        connection.phase = 'open';
        connection.opened = true;
        this.ask(connection, user);
      }),
      client.on('socket.data', (event) => {
        if (event.id !== id || event.data.length === 0) return;
        const before = connection.answered;
        connection.answered = Math.floor(user.length / QUESTION.length);
        if (connection.answered === before) return;
        if (connection.answered < connection.questions) this.askLater(connection, user);
        else this.finish(connection, user, stops);
      }),
      client.on('socket.closed', (event) => {
        if (event.id !== id) return;
        connection.phase = 'failed';
        connection.why = event.error ?? 'closed';
        for (const stop of stops) stop();
      }),
    ];
    const remote = redirected ? endpoint(VIP, 8080) : endpoint(SERVER, 80);
    try {
      client.call('socket.connect', { id, remote });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      connection.phase = 'failed';
      connection.why = error.code;
    }
  }

  private finish(connection: Connection, user: TcpUser, stops: readonly (() => void)[]): void {
    connection.phase = 'done';
    for (const stop of stops) stop();
    user.close();
  }

  private askLater(connection: Connection, user: TcpUser): void {
    this.network.after(this.random.below(8 * SECOND), () => this.ask(connection, user));
  }

  private ask(connection: Connection, user: TcpUser): void {
    if (connection.phase === 'open') user.send(QUESTION);
  }
}

const QUESTION = new Uint8Array(300).fill(0x3f);
