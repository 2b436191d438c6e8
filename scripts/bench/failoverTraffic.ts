// SPDX-License-Identifier: ISC
//
// Connections that stay and a datagram every 5 ms from a client to a service address, while something is done to who serves it.

import { fileURLToPath } from 'node:url';
import type { Namespace } from '../lab/namespace.ts';
import type { TrafficPlan, TrafficReport } from '../lab/traffic.ts';
import type { Failover } from './failover.ts';

const TRAFFIC = fileURLToPath(new URL('../lab/traffic.js', import.meta.url));
export const ECHO = fileURLToPath(new URL('../lab/udpEcho.js', import.meta.url));
export const ECHO_PORT = 5007;
/** The service address of either pair. */
export const VIP = '192.0.2.253';
const CONNECTIONS = 50;
/** Milliseconds of undisturbed traffic, before and after. */
const CALM = 3_000;

export const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits until something is reached; an Error after half a minute. */
export async function until(what: string, reached: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await reached()) return;
    await pause(100);
  }
  throw new Error(`not within 30 s: ${what}`);
}

/** What it costs the client of a service at `port` when `act` is done. */
export async function during(client: Namespace, port: number, act: () => Promise<void>): Promise<Failover> {
  const plan: TrafficPlan = {
    urls: [`http://${VIP}:${port}/`],
    connections: CONNECTIONS,
    interval: 50,
    downloads: [],
    rate: 1,
    probe: { address: VIP, port: ECHO_PORT },
  };
  const child = client.start([process.execPath, TRAFFIC, JSON.stringify(plan)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const told = child.stdout!.setEncoding('utf8').toArray();
  await pause(CALM);
  await act();
  await pause(CALM);
  child.stdin!.end();
  const { broken, probes, requests } = JSON.parse((await told).join('')) as TrafficReport;
  if (requests === 0 || probes.answered === 0) throw new Error(`${VIP} port ${port} does not answer`);
  return { gap: probes.longestGap, lost: broken.length };
}
