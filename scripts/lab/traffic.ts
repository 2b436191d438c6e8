// SPDX-License-Identifier: ISC
//
// Traffic on a lab host until its standard input ends: connections that stay and ask again and again, downloads, and a UDP probe. Then one
// line of JSON tells what became of it (`TrafficReport`). Its argument is a `TrafficPlan` as JSON.

import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { Agent, get } from 'node:http';

export interface TrafficPlan {
  /** Each is asked by so many connections that stay, every `interval` milliseconds. */
  readonly urls: readonly string[];
  readonly connections: number;
  readonly interval: number;
  /** Each of these is fetched once, no faster than `rate` bytes a second. */
  readonly downloads: readonly string[];
  readonly rate: number;
  /** Echo service that a datagram is sent to every 5 ms. */
  readonly probe?: { readonly address: string; readonly port: number };
}

export interface TrafficReport {
  readonly requests: number;
  /** Connections that broke, and why. */
  readonly broken: readonly string[];
  readonly downloads: readonly {
    readonly url: string;
    readonly bytes: number;
    readonly sha1: string;
    readonly error?: string;
  }[];
  readonly probes: { readonly sent: number; readonly answered: number; readonly longestGap: number };
}

const PROBE_INTERVAL = 5;
const PATIENCE = 30_000;

const plan = JSON.parse(process.argv[2]!) as TrafficPlan;
let stopping = false;
let requests = 0;
const broken: string[] = [];

/** One connection: a request, its answer, a pause. It must be the same connection to the end. */
async function stay(url: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let port: number | undefined;
  while (!stopping) {
    try {
      const used = await ask(url, agent);
      if (port !== undefined && used !== port) throw new Error('the connection was another one');
      port = used;
      requests++;
    } catch (error) {
      broken.push(`${url}: ${(error as Error).message}`);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, plan.interval));
  }
  agent.destroy();
}

function ask(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      const port = response.socket.localPort!;
      response.on('error', reject);
      response.on('end', () => resolve(port));
      response.resume();
    });
    request.setTimeout(PATIENCE, () => request.destroy(new Error(`no answer in ${PATIENCE / 1000} s`)));
    request.on('error', reject);
  });
}

function download(url: string): Promise<TrafficReport['downloads'][number]> {
  return new Promise((resolve) => {
    const hash = createHash('sha1');
    let bytes = 0;
    const started = performance.now();
    let isDone = false;
    const done = (error?: Error) => {
      if (isDone) return;
      isDone = true;
      resolve({
        url,
        bytes,
        sha1: hash.digest('hex'),
        ...(error === undefined ? {} : { error: error.message }),
      });
    };
    const request = get(url, { agent: false }, (response) => {
      response.on('data', (piece: Buffer) => {
        hash.update(piece);
        bytes += piece.length;
        const early = (bytes / plan.rate) * 1000 - (performance.now() - started);
        if (early < 1) return;
        response.pause();
        setTimeout(() => response.resume(), early);
      });
      response.on('end', () => done());
      response.on('error', done);
    });
    request.setTimeout(PATIENCE, () => request.destroy(new Error(`nothing for ${PATIENCE / 1000} s`)));
    request.on('error', done);
  });
}

const probes = { sent: 0, answered: 0, longestGap: 0 };

/** A datagram every 5 ms; the longest time without an answer is what a failover costs. */
function probe({ address, port }: { address: string; port: number }): () => void {
  const socket = createSocket('udp4');
  let last: number | undefined;
  socket.on('message', () => {
    const now = performance.now();
    if (last !== undefined) probes.longestGap = Math.max(probes.longestGap, now - last);
    last = now;
    probes.answered++;
  });
  socket.on('error', () => {});
  const timer = setInterval(() => {
    probes.sent++;
    socket.send('probe', port, address);
  }, PROBE_INTERVAL);
  return () => {
    clearInterval(timer);
    socket.close();
  };
}

const staying = plan.urls.flatMap((url) => Array.from({ length: plan.connections }, () => stay(url)));
const downloading = plan.downloads.map(download);
const stopProbe = plan.probe === undefined ? () => {} : probe(plan.probe);
await new Promise<void>((resolve) => process.stdin.once('end', resolve).once('close', resolve).resume());
const downloads = await Promise.all(downloading);
stopping = true;
await Promise.all(staying);
stopProbe();
process.stdout.write(`${JSON.stringify({ requests, broken, downloads, probes } satisfies TrafficReport)}\n`);
