// SPDX-License-Identifier: ISC
//
// Strict Direct Server Return between Linux hosts: large transfers pass, also when one observation in a hundred is lost, and what scapy
// forges on the server segment in the client's name is dropped, where ordinary Direct Server Return passes it. RHINE_STRICT_UP and
// RHINE_STRICT_DOWN are bytes (default 5 and 20 million).

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { isInstalled } from '../../scripts/lab/requirements.ts';
import type { Transferred } from '../../scripts/lab/transfer.ts';
import { noLab, PROJECT } from '../support/lab.ts';
import { PORT, ServiceLab, VIP4, VIP6 } from '../support/serviceLab.ts';

const BYTES = {
  up: Number(process.env.RHINE_STRICT_UP ?? 5_000_000),
  down: Number(process.env.RHINE_STRICT_DOWN ?? 20_000_000),
};
const PYTHON = '/usr/bin/python3';
/** On what the router sends to the load balancer: pfsync's packets, one in a hundred. */
const LOSS = `table netdev sync {
  chain lose {
    type filter hook ingress device router-vr2 priority 0;
    ip protocol 240 numgen random mod 100 0 counter drop
  }
}
`;
/** States that the load balancer may have while it is flooded. */
const FLOOD_LIMIT = 1_000;
const hasNft = isInstalled('nft');
const hasScapy = existsSync(PYTHON) && isInstalled('scapy');

/** Connects, tells its address and port, and says one word for each line that it is sent. */
const hold = (address: string) => `
const socket = require('node:net').connect(${PORT}, '${address}');
socket.once('data', () => console.log(socket.localAddress, socket.localPort));
process.stdin.on('data', () => socket.write('x'));
`;

interface Held {
  /** The service's. */
  readonly address: string;
  readonly client: string;
  readonly port: number;
  /** Sends a byte. */
  readonly talk: () => void;
  readonly end: () => void;
}

async function connect(lab: ServiceLab, address: string): Promise<Held> {
  const child = lab.network.hosts.get('client')!.start([process.execPath, '-e', hold(address)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await new Promise<string[]>((resolve) => {
    createInterface({ input: child.stdout! }).once('line', (one) => resolve([one]));
  });
  const [client = '', port] = line!.split(' ');
  return {
    address,
    client,
    port: Number(port),
    talk: () => child.stdin!.write('\n'),
    end: () => child.kill('SIGKILL'),
  };
}

interface State {
  readonly direction: string;
  readonly wire: { readonly ports: readonly number[] };
  readonly source: { readonly state: number; readonly seqLow: number };
  readonly destination: { readonly seqLow: number };
  readonly sloppy: boolean;
  /** As the connection was begun, and against that. */
  readonly packets: { readonly forward: number };
}

async function stateOf(lab: ServiceLab, { port }: Held): Promise<State> {
  const states = JSON.parse(await lab.lb('pfctl', '--json', '-ss')) as State[];
  const found = states.find((one) => one.direction === 'in' && one.wire.ports[0] === port);
  assert.ok(found, `a state of port ${port}`);
  return found;
}

/** Waits for it at most 5 seconds. */
async function until(reached: () => Promise<boolean>): Promise<void> {
  for (const start = Date.now(); Date.now() - start < 5_000; ) if (await reached()) return;
  assert.fail('not within 5 s');
}

interface Forged {
  readonly flags: string;
  readonly sequence: number;
  readonly ack: number;
  readonly data?: string;
}

/** Sends from a server's place, to the load balancer's Ethernet address, what a client might have sent. */
async function forge(lab: ServiceLab, held: Held, segments: readonly Forged[]) {
  const link = /lladdr (\S+)/.exec(await lab.lb('ifconfig', 'vr0'))![1]!;
  const network = held.address === VIP4 ? 'IP' : 'IPv6';
  // The service's address is one of the server's own: scapy would take the loopback's Ethernet address.
  const head = `Ether(src=get_if_hwaddr('vr0'),dst='${link}')/${network}(src='${held.client}',dst='${held.address}')`;
  const packets = segments.map(({ flags, sequence, ack, data = '' }) => {
    const numbers = `seq=${sequence >>> 0},ack=${ack >>> 0}`;
    return `${head}/TCP(sport=${held.port},dport=${PORT},flags='${flags}',${numbers})/b'${data}'`;
  });
  const script = `from scapy.all import *\nconf.verb=0\nsendp([${packets.join(',')}],iface='vr0')`;
  await lab.network.hosts.get('web2')!.must([PYTHON, '-c', script]);
}

for (const strict of [true, false]) {
  describe(`lab service, ${strict ? 'strict' : 'ordinary'}`, {
    skip: noLab() ?? false,
    timeout: 900_000,
  }, () => {
    let lab: ServiceLab;

    before(async () => {
      lab = await ServiceLab.up('openbsd', strict);
    });

    after(() => lab?.down());

    if (strict) {
      transfers('', () => lab);

      test('what that has cost', async (context) => {
        const text = await lab.lb('relayctl', '-v', 'show', 'redirects');
        for (const line of text.split('\n').filter((one) => /strict|observations/.test(one))) {
          context.diagnostic(line.trim());
        }
        assert.equal([...text.matchAll(/strict: 2 connections, 0 sloppy/g)].length, 2, text);
      });

      describe('with one observation in a hundred lost', {
        skip: hasNft ? false : 'nft is not installed',
      }, () => {
        before(() => lab.network.wire.must(['nft', '-f', '-'], LOSS));
        transfers(', some observations lost', () => lab);

        test('how many were lost', async (context) => {
          const counter = /counter packets (\d+)/.exec(
            await lab.network.wire.must(['nft', 'list', 'ruleset']),
          );
          assert.ok(counter, 'the rule is there');
          context.diagnostic(`${counter[1]} observations lost`);
        });
      });
    }

    for (const address of [VIP4, VIP6]) {
      test(
        `forged segments are ${strict ? 'dropped' : 'passed'}, ${address}`,
        {
          skip: hasScapy ? false : 'scapy is not installed',
        },
        () => forgeSome(lab, strict, address),
      );
    }

    test(
      'a flood of SYNs fills the state table to its limit, and a connection that stands goes on',
      { skip: isInstalled('hping3') ? false : 'hping3 is not installed' },
      () => flood(lab),
    );
  });
}

/** Half-open connections in a hurry, far more than the state table takes. */
async function flood(lab: ServiceLab): Promise<void> {
  const held = await connect(lab, VIP4);
  try {
    const machine = lab.network.appliances.get('lb')!.directory;
    writeFileSync(
      join(machine, 'etc/flood.conf'),
      `set limit states ${FLOOD_LIMIT}\nanchor "relayd/*"\npass\n`,
    );
    await lab.lb('pfctl', '-f', '/etc/flood.conf');
    const before = (await stateOf(lab, held)).packets.forward;
    const options = ['-q', '-S', '-p', String(PORT), '-i', 'u50', '-c', '10000', '--rand-source', VIP4];
    // It ends with an error: nobody answers. A flood that does not end is ended.
    const flooding = lab.network.hosts.get('client')!.run(['timeout', '20', 'hping3', ...options]);
    let isOver = false;
    const over = flooding.finally(() => {
      isOver = true;
    });
    let most = 0;
    while (!isOver) {
      held.talk();
      most = Math.max(most, await statesOf(lab));
    }
    await over;
    assert.equal(Math.max(most, await statesOf(lab)), FLOOD_LIMIT);
    const sent = (await stateOf(lab, held)).packets.forward;
    assert.ok(sent > before, 'the connection was heard');
    held.talk();
    await until(async () => (await stateOf(lab, held)).packets.forward > sent);
    assert.equal((await stateOf(lab, held)).source.state, 4);
  } finally {
    held.end();
  }
}

async function statesOf(lab: ServiceLab): Promise<number> {
  return Number(/current entries +(\d+)/.exec(await lab.lb('pfctl', '-si'))?.[1]);
}

/** A transfer each way in each family. */
function transfers(note: string, lab: () => ServiceLab): void {
  for (const address of [VIP4, VIP6]) {
    for (const word of ['down', 'up'] as const) {
      test(`${BYTES[word]} bytes ${word}, ${address}${note}`, async () => {
        const script = `${PROJECT}/dist/scripts/lab/transfer.js`;
        const words = [address, String(PORT), word, String(BYTES[word]), '600'];
        const client = lab().network.hosts.get('client')!;
        const done = JSON.parse(await client.must([process.execPath, script, ...words])) as Transferred;
        assert.deepEqual(done, { server: done.server, bytes: BYTES[word], whole: true });
      });
    }
  }
}

async function forgeSome(lab: ServiceLab, strict: boolean, address: string): Promise<void> {
  const held = await connect(lab, address);
  try {
    const before = await stateOf(lab, held);
    const counted = mismatches(await lab.lb('pfctl', '-si'));
    assert.equal(before.sloppy, !strict);
    // What an ordinary state knows of the client's numbers is those of its SYN.
    const [near, far] = [before.source.seqLow, strict ? before.destination.seqLow : 1];
    await forge(lab, held, [
      { flags: 'R', sequence: near + 200_000, ack: far },
      { flags: 'PA', sequence: near + 9_000_000, ack: far, data: 'forged' },
      { flags: 'FA', sequence: near - 9_000_000, ack: far },
    ]);
    if (strict) {
      await until(async () => mismatches(await lab.lb('pfctl', '-si')) >= counted + 3);
      held.talk();
      await until(async () => (await stateOf(lab, held)).packets.forward > before.packets.forward);
      const now = await stateOf(lab, held);
      assert.deepEqual([now.source.state, now.source.seqLow], [before.source.state, (near + 1) >>> 0]);
    } else {
      await until(async () => (await stateOf(lab, held)).packets.forward >= before.packets.forward + 3);
      assert.equal((await stateOf(lab, held)).source.state, 10, 'the reset has closed it');
    }
  } finally {
    held.end();
  }
}

function mismatches(text: string): number {
  return Number(/state-mismatch +(\d+)/.exec(text)?.[1]);
}
