// SPDX-License-Identifier: ISC
//
// Checks over TLS against a server that really speaks it, joined by streams in memory, on real time.

import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { TLSSocket } from 'node:tls';
import type { MonitorEvent } from '../../../appliance/user/relayd/control.ts';
import { RelaydWorld } from '../../support/relaydWorld.ts';

/** Of this test and nothing else; nobody looks at it. */
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9pQAMRa3vwUuieIR
rlU+SyWjOAwNE3aCraFGMpxyQ6mhRANCAAScgnAa/V4jshhPrtTh4BEDnXfPk2pf
sZReA+MppLh0SIwFyCBvj5E0oJguwh+jrX09HjV2rjkvNfFqmICDhNpr
-----END PRIVATE KEY-----`;
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUP1lkSbFKmsT7iX3Nj5m/Hr+57fMwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjMxMDA4MDdaGA8yMTI2MTAzMDEwMDgw
N1owDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJyC
cBr9XiOyGE+u1OHgEQOdd8+Tal+xlF4D4ymkuHRIjAXIIG+PkTSgmC7CH6OtfT0e
NXauOS818WqYgIOE2mujUzBRMB0GA1UdDgQWBBQA4K78X3DNnrJnLJRFvwq5BCdX
JTAfBgNVHSMEGDAWgBQA4K78X3DNnrJnLJRFvwq5BCdXJTAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQCq6NGwJsZOnDCGPc+JZ1MB01UzHTJAo+p+
H+Qb6df8EAIhALKlsML58WMnBKfnuVGEyAxmcrsIzKAYSRNTp49Ql4hg
-----END CERTIFICATE-----`;

/** Two ends of one connection. */
function pair(): readonly [Duplex, Duplex] {
  const ends: Duplex[] = [0, 1].map(
    (i) =>
      new Duplex({
        read() {},
        write(chunk: Buffer, _encoding, done) {
          ends[1 - i]!.push(chunk);
          done();
        },
        final(done) {
          ends[1 - i]!.push(null);
          done();
        },
      }),
  );
  return [ends[0]!, ends[1]!];
}

/** A web server with one short page. */
function serve(stream: Duplex): void {
  const session = new TLSSocket(stream as never, { isServer: true, key: KEY, cert: CERTIFICATE });
  session.on('error', () => undefined);
  session.on('data', () => session.end('HTTP/1.0 200 OK\r\n\r\nhello'));
}

async function verdict(check: string): Promise<string> {
  const world = new RelaydWorld();
  await world.start(
    `timeout 5000\ntable <t> { 10.0.0.10 }\nredirect r {\n\tlisten on 192.0.2.1 port 443\n\tforward to <t> check ${check}\n}\n`,
    {
      network: {
        connect: async () => {
          const [client, server] = pair();
          serve(server);
          return client;
        },
        echo: async () => undefined,
      },
      clock: {
        now: () => Date.now(),
        after: (milliseconds, fire) => {
          const timer = setTimeout(fire, milliseconds);
          return () => clearTimeout(timer);
        },
      },
    },
  );
  await new Promise<void>((resolve) => {
    world.relayd.monitor(({ event }: MonitorEvent) => {
      if (event === 'host_status') resolve();
    });
  });
  await world.relayd.stop();
  const [host] = world.relayd.show().redirects[0]!.hosts;
  return `${host!.status} ${host!.message}`;
}

for (const [check, expected] of [
  ['tls', 'up tls connect ok'],
  ['https "/" code 200', 'up http code ok'],
  ['https "/" code 404', 'down http code mismatch'],
  ['https "/" digest "5d41402abc4b2a76b9719d911017c592"', 'up http digest ok'],
  ['send "x" expect "*hello" tls', 'up send/expect ok'],
] as const) {
  test(check, async () => assert.equal(await verdict(check), expected));
}
