// SPDX-License-Identifier: ISC
//
// The load generators: what each measures between client and server, towards an address that stands for the way.

import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { stop } from '../lab/namespace.ts';
import { RHINE4, started, type Topology } from './topology.ts';

/** Measures for so many seconds towards an address of the server (or of who stands for it). */
export type Load = (topology: Topology, address: string, seconds: number) => Promise<number>;

const PORT = 5201;
const ECHO = 7;

/** Gbit/s of TCP payload by iperf3; `reverse`: from server to client. */
export function tcpBulk(reverse: boolean): Load {
  return async ({ client, server }, address, seconds) => {
    const listening = server.start(['iperf3', '-s', '-1', '-p', String(PORT), '--forceflush'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await started(listening, 'iperf3');
    const options = ['-J', '-t', String(seconds), '-O', '1', ...(reverse ? ['-R'] : [])];
    const text = await client.must(['iperf3', '-c', address, '-p', String(PORT), ...options]);
    await stop(listening, 'SIGTERM');
    const { end } = JSON.parse(text) as { end: { sum_received: { bits_per_second: number } } };
    return end.sum_received.bits_per_second / 1e9;
  };
}

/** How many rates are tried for one sample, each for its part of the time. */
const TRIALS = 8;
/** A datagram in a thousand may be lost: a machine that others use loses some on any way. */
const LOSS = 0.001;

/** Datagrams a second that all arrive, found by halving between nothing and `highest`. */
export function udpWithoutLoss(size: number, segments: number, highest: number): Load {
  return async (topology, address, seconds) => {
    let [low, high] = [0, highest];
    for (let trial = 0; trial < TRIALS; trial++) {
      const rate = (low + high) / 2;
      if (await arrives(topology, address, rate, seconds / TRIALS, size, segments)) low = rate;
      else high = rate;
    }
    return low;
  };
}

async function arrives(
  { client, server, traffic }: Topology,
  address: string,
  rate: number,
  seconds: number,
  size: number,
  segments: number,
): Promise<boolean> {
  const sink = server.start([traffic, 'sink', String(PORT)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await started(sink, 'traffic');
  let counted = '';
  sink.stdout!.setEncoding('utf8').on('data', (text: string) => {
    counted += text;
  });
  const closed = new Promise((resolve) => sink.once('close', resolve));
  const args = [address, PORT, rate, seconds, size, segments].map(String);
  const sent = Number(await client.must([traffic, 'flood', ...args]));
  await closed;
  const received = Number(counted.trim().split(' ')[0]);
  // A sender that was held up has not tried this rate.
  return received >= sent * (1 - LOSS) && sent >= rate * seconds * 0.95;
}

/**
 * Nanoseconds of processor time that who stands between spends on each of so many datagrams a second: a figure that other load on the
 * machine hardly changes.
 */
export function processorTime(rate: number): Load {
  return async (topology, address, seconds) => {
    const between = (address === RHINE4 ? topology.appliance : topology.loop)!;
    const before = consumed(between);
    const args = [address, 9, rate, seconds, 22, 1].map(String);
    const sent = Number(await topology.client.must([topology.traffic, 'flood', ...args]));
    return (consumed(between) - before) / sent;
  };
}

/** Nanoseconds that all threads of a process have run. */
export function consumed({ pid }: ChildProcess): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const times = tasks.map(
    (task) => readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0],
  );
  return times.map(Number).reduce((sum, time) => sum + time, 0);
}

/** The same as Gbit/s, of datagrams that the host hands over in large segments. */
export function udpBulk(size: number, segments: number, highest: number): Load {
  const load = udpWithoutLoss(size, segments, highest);
  return async (topology, address, seconds) => ((await load(topology, address, seconds)) * size * 8) / 1e9;
}

/** Requests a second by wrk, each with a connection of its own or over those that stay. */
export function http(connections: number, keep: boolean): Load {
  return async ({ client }, address, seconds) => {
    const header = keep ? [] : ['-H', 'Connection: close'];
    const options = ['-t', '1', '-c', String(connections), '-d', `${Math.ceil(seconds)}s`, ...header];
    const text = await client.must(['wrk', ...options, `http://${address}/`]);
    const rate = /Requests\/sec:\s+([\d.]+)/.exec(text)?.[1];
    if (rate === undefined) throw new Error(`wrk: ${text}`);
    return Number(rate);
  };
}

/** Microseconds of a round trip of 64 bytes: median, 99th percentile and longest. */
export async function roundTrip(
  { client, server, traffic }: Topology,
  address: string,
  seconds: number,
): Promise<readonly [median: number, p99: number, longest: number]> {
  const echo = server.start([traffic, 'echo', String(ECHO)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await started(echo, 'traffic');
  const text = await client.must([traffic, 'ping', address, String(ECHO), String(seconds), '22']);
  await stop(echo, 'SIGKILL');
  const [median = 0, p99 = 0, longest = 0] = text.split(' ').map(Number);
  return [median, p99, longest];
}
