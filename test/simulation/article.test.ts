// SPDX-License-Identifier: ISC
//
// An hour of the article's network on virtual time: booted from its files, checked by its relayd, asked by its client, with a web server
// that goes away for a while. Twice the same seed gives the same captures, to the byte.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { parseAddress } from '../../appliance/abi/addressText.ts';
import { CallError } from '../../appliance/abi/errno.ts';
import { connectTcp, listenTcp } from '../../appliance/host/socketStream.ts';
import * as ethernet from '../../appliance/wire/ethernet.ts';
import { LabWorld } from '../support/labWorld.ts';

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const VIPS = ['192.0.2.253', '3ffe:1::1'];
/** Seconds between the client's requests: no multiple of the check interval, so that they fall everywhere in it. */
const BETWEEN_FETCHES = 7;

interface Hour {
  readonly answers: readonly string[];
  readonly statuses: readonly string[];
  readonly captures: Readonly<Record<string, string>>;
  readonly frames: number;
  readonly throughBalancer: number;
}

/** A web server that says its name; the answer stops it. */
async function serve(lab: LabWorld, name: string): Promise<() => Promise<void>> {
  const stops: (() => Promise<void>)[] = [];
  for (const family of [4, 6] as const) {
    const stop = await listenTcp(lab.host(name).host.client, { family, port: 80 }, (socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.end(`HTTP/1.0 200 OK\r\n\r\n${name}`));
    });
    stops.push(stop);
  }
  return async () => {
    for (const stop of stops) await stop();
  };
}

/** Who answered a request to this address, or why nobody did. */
async function fetchName(lab: LabWorld, vip: string): Promise<string> {
  const to = { address: parseAddress(vip)!, port: 80, timeout: 5_000 };
  try {
    const socket = await connectTcp(lab.host('client').host.client, to);
    socket.write('GET / HTTP/1.0\r\n\r\n');
    let text = '';
    for await (const piece of socket) text += String(piece);
    return text.slice(text.indexOf('\r\n\r\n') + 4);
  } catch (error) {
    if (error instanceof CallError) return error.code;
    throw error;
  }
}

async function anHour(seed: number): Promise<Hour> {
  const lab = await LabWorld.boot('dsr', seed);
  const { world } = lab;
  const answers: string[] = [];
  const statuses: string[] = [];
  const note = () => {
    const shown = lab.host('lb').relayd!.show().redirects;
    const hosts = shown.flatMap((one) => one.tables.flatMap((table) => table.hosts));
    statuses.push(hosts.map((host) => `${host.name} ${host.status}`).join(', '));
  };
  const stops = { web1: await serve(lab, 'web1'), web2: await serve(lab, 'web2') };
  const asking = [];
  await world.live(MINUTE);
  note();
  for (let minute = 1; minute < 60; minute++) {
    if (minute === 20) await stops.web1();
    if (minute === 30) stops.web1 = await serve(lab, 'web1');
    for (let second = 0; second < 60; second += BETWEEN_FETCHES) {
      const vip = VIPS[(minute + second) & 1]!;
      const settled = minute !== 20 && minute !== 30;
      asking.push(fetchName(lab, vip).then((name) => settled && answers.push(`${minute} ${vip} ${name}`)));
      await world.live(Math.min(BETWEEN_FETCHES, 60 - second) * SECOND);
    }
    if (minute === 25 || minute === 35) note();
  }
  await Promise.all(asking);
  await lab.host('lb').relayd!.stop();
  const captures = Object.fromEntries(
    [...lab.wires].map(([name, wire]) => [name, createHash('sha256').update(wire.pcap()).digest('hex')]),
  );
  const frames = [...lab.wires.values()].flatMap((wire) => wire.recorded);
  const balancer = lab.host('lb').host.kernel.interfaces.get('vr0').linkAddress;
  const source = (name: string) => lab.host(name).host.kernel.interfaces.get('vr0').linkAddress;
  const vip = [192, 0, 2, 253];
  const throughBalancer = lab.wires.get('server')!.recorded.filter(({ bytes }) => {
    if (ethernet.type(bytes, 0) !== ethernet.TYPE_IPV4) return false;
    const fromServer = ['web1', 'web2'].some((name) => sameBytes(bytes, 6, source(name)));
    return fromServer && sameBytes(bytes, 0, balancer) && sameBytes(bytes, 26, vip);
  }).length;
  return { answers, statuses, captures, frames: frames.length, throughBalancer };
}

function sameBytes(bytes: Uint8Array, at: number, wanted: ArrayLike<number>): boolean {
  return Array.from(wanted).every((byte, i) => bytes[at + i] === byte);
}

describe('an hour of the article', { timeout: 300_000 }, () => {
  let hour: Hour;
  let again: Hour;
  let other: Hour;

  before(async () => {
    hour = await anHour(1);
    again = await anHour(1);
    other = await anHour(2);
  });

  test('the client is always answered, by both servers, and only by those that are up', () => {
    assert.deepEqual(
      hour.answers.filter((line) => !/ web[12]$/.test(line)),
      [],
    );
    const between = (from: number, to: number, name: string) =>
      hour.answers.filter((line) => {
        const minute = Number.parseInt(line, 10);
        return minute >= from && minute <= to && line.endsWith(name);
      }).length;
    assert.equal(between(21, 29, 'web1'), 0);
    for (const name of ['web1', 'web2']) assert.ok(between(31, 59, name) > 50, name);
  });

  test('relayd sees the server go and come', () => {
    const line = (web1: string) => `10.0.0.10 ${web1}, 10.0.0.11 up, 3ffe:2::10 ${web1}, 3ffe:2::11 up`;
    assert.deepEqual(hour.statuses, [line('up'), line('down'), line('up')]);
  });

  test('no reply goes through the load balancer', () => {
    assert.equal(hour.throughBalancer, 0);
  });

  test('the same seed gives the same captures', () => {
    assert.ok(hour.frames > 20_000, `${hour.frames} frames`);
    assert.deepEqual(again, hour);
  });

  test('another seed gives others', () => {
    assert.notDeepEqual(other.captures, hour.captures);
  });
});
