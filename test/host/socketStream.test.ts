// SPDX-License-Identifier: ISC
//
// Node's http and tls over the kernel's sockets, back pressure both ways, every way to end; UDP and raw sockets.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import * as http from 'node:http';
import type { Duplex } from 'node:stream';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import * as tls from 'node:tls';
import { sameAddress } from '../../appliance/abi/address.ts';
import { askRaw, UdpSocket } from '../../appliance/host/datagramSocket.ts';
import { connectTcp, KernelSocket, listenTcp } from '../../appliance/host/socketStream.ts';
import * as icmp from '../../appliance/wire/icmp.ts';
import * as icmp6 from '../../appliance/wire/icmp6.ts';
import { address, Kernels } from './kernels.ts';

const kernels = new Kernels();
const { a, b } = kernels;
const FOUR = address('192.0.2.2');
const SIX = address('2001:db8::2');
after(() => kernels.stop());

let ports = 8000;

/** Serves on `b` while `during` runs. */
async function serving(
  accept: (socket: KernelSocket) => void,
  during: (port: number) => Promise<void>,
  options: { family?: 4 | 6; allowHalfOpen?: boolean } = {},
): Promise<void> {
  const port = ports++;
  const stop = await listenTcp(b, { family: 4, port, ...options }, accept);
  try {
    await during(port);
  } finally {
    await stop();
  }
}

/** Everything until the end. (`for await` would destroy a stream that can still be written to.) */
function read(stream: Duplex | http.IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  return new Promise((resolve, reject) => {
    stream.on('end', () => resolve(Buffer.concat(pieces)));
    stream.on('error', reject);
  });
}

function bytes(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + (i >>> 8) * 7 + (i >>> 16)) & 0xff));
}

function hash(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

function get(port: number, path: string, agent?: http.Agent): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const createConnection = () => KernelSocket.connect(a, { address: FOUR, port });
    http
      .get(
        { host: '192.0.2.2', port, path, ...(agent === undefined ? { createConnection } : { agent }) },
        resolve,
      )
      .on('error', reject);
  });
}

test('node:http speaks over kernel sockets', async () => {
  const body = bytes(5_000_000);
  const server = http.createServer((request, response) => {
    response.setHeader('x-from', `${request.socket.remoteAddress}`);
    response.end(request.url === '/large' ? body : 'hello');
  });
  await serving(
    (socket) => server.emit('connection', socket),
    async (port) => {
      const small = await get(port, '/');
      assert.equal(small.headers['x-from'], '192.0.2.1');
      assert.equal((await read(small)).toString(), 'hello');
      const large = await read(await get(port, '/large'));
      assert.equal(hash(large), hash(body));
    },
    { allowHalfOpen: true },
  );
});

test('an agent keeps its connection', async () => {
  let connections = 0;
  const server = http.createServer((_request, response) => response.end('hello'));
  await serving(
    (socket) => {
      connections++;
      server.emit('connection', socket);
    },
    async (port) => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      const connect = () => KernelSocket.connect(a, { address: FOUR, port });
      Object.assign(agent, { createConnection: connect });
      for (let i = 0; i < 5; i++) assert.equal((await read(await get(port, '/', agent))).toString(), 'hello');
      assert.equal(connections, 1);
      agent.destroy();
    },
    { allowHalfOpen: true },
  );
});

test('two hundred fetches at once', async () => {
  const server = http.createServer((request, response) => response.end(request.url));
  await serving(
    (socket) => server.emit('connection', socket),
    async (port) => {
      const paths = Array.from({ length: 200 }, (_, i) => `/${i}`);
      const texts = await Promise.all(
        paths.map(async (path) => (await read(await get(port, path))).toString()),
      );
      assert.deepEqual(texts, paths);
    },
    { allowHalfOpen: true },
  );
});

test('a body goes up as well', async () => {
  const server = http.createServer(async (request, response) => response.end(hash(await read(request))));
  await serving(
    (socket) => server.emit('connection', socket),
    async (port) => {
      const body = bytes(3_000_000);
      const request = http.request({
        method: 'POST',
        createConnection: () => KernelSocket.connect(a, { address: FOUR, port }),
      });
      request.end(body);
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      assert.equal((await read(response)).toString(), hash(body));
    },
    { allowHalfOpen: true },
  );
});

test('node:tls speaks over kernel sockets, of IPv6', async () => {
  const key = Buffer.from('0123456789abcdef');
  const common = { ciphers: 'PSK', maxVersion: 'TLSv1.2' as const };
  await serving(
    (socket) => {
      const context = { isServer: true, ...common, pskCallback: () => key };
      const secure = new tls.TLSSocket(socket, context as tls.TLSSocketOptions);
      secure.on('data', (data: Buffer) => secure.end(`${data.toString()} yourself`));
    },
    async (port) => {
      const secure = tls.connect({
        socket: KernelSocket.connect(a, { address: SIX, port }),
        ...common,
        pskCallback: () => ({ psk: key, identity: 'test' }),
        checkServerIdentity: () => undefined,
      });
      secure.write('hello');
      assert.equal((await read(secure)).toString(), 'hello yourself');
    },
    { family: 6 },
  );
});

test('what is not read stops the writer, and goes on when it is', async () => {
  const body = bytes(6_000_000);
  let writer: KernelSocket | undefined;
  await serving(
    (socket) => {
      writer = socket;
      socket.end(body);
    },
    async (port) => {
      const socket = await connectTcp(a, { address: FOUR, port });
      await sleep(100);
      assert.ok(writer!.bytesWritten < 1_500_000, `${writer!.bytesWritten} bytes went out`);
      assert.equal(hash(await read(socket)), hash(body));
      assert.equal(socket.bytesRead, body.length);
    },
  );
});

test('half open: a side that has ended still receives', async () => {
  await serving(
    async (socket) => socket.end(`got ${(await read(socket)).toString()}`),
    async (port) => {
      const socket = await connectTcp(a, { address: FOUR, port, allowHalfOpen: true });
      socket.end('everything');
      assert.equal((await read(socket)).toString(), 'got everything');
    },
    { allowHalfOpen: true },
  );
});

test('a refused connection says so, one that nobody answers times out', async () => {
  await assert.rejects(connectTcp(a, { address: FOUR, port: 7 }), { code: 'ECONNREFUSED' });
  const nobody = connectTcp(a, { address: address('192.0.2.9'), port: 7, timeout: 50 });
  await assert.rejects(nobody, (error: NodeJS.ErrnoException) => /ETIMEDOUT|EHOST/.test(error.code!));
  await assert.rejects(connectTcp(a, { address: address('198.51.100.1'), port: 7 }), {
    code: 'EHOSTUNREACH',
  });
});

test('a reset is an error at the other end', async () => {
  await serving(
    (socket) => socket.on('data', () => socket.resetAndDestroy()),
    async (port) => {
      const socket = await connectTcp(a, { address: FOUR, port });
      socket.write('hello');
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      assert.equal(error.code, 'ECONNRESET');
    },
  );
});

test('destroy in the middle of a write is a reset, not a short message', async () => {
  await serving(
    (socket) => {
      socket.end(bytes(5_000_000));
      setTimeout(() => socket.destroy(), 30);
    },
    async (port) => {
      const socket = await connectTcp(a, { address: FOUR, port });
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      assert.equal(error.code, 'ECONNRESET');
    },
  );
});

test('a socket destroyed while it connects is gone', async () => {
  const socket = KernelSocket.connect(a, { address: address('192.0.2.9'), port: 80 });
  await sleep(5);
  socket.destroy();
  await once(socket, 'close');
  const open = await a.call('socket.list', { type: 'tcp' });
  assert.ok(open.every((one) => one.state !== 'SYN_SENT'));
});

test('timeout is told after silence, and not while there is traffic', async () => {
  await serving(
    (socket) => socket.resume(),
    async (port) => {
      const socket = await connectTcp(a, { address: FOUR, port });
      let told = 0;
      socket.setTimeout(60, () => told++);
      for (let i = 0; i < 5; i++) {
        await sleep(20);
        socket.write('x');
      }
      assert.equal(told, 0);
      await once(socket, 'timeout');
      socket.destroy();
    },
  );
});

test('ends have names', async () => {
  await serving(
    (socket) => socket.end(`${socket.remoteAddress} ${socket.localAddress} ${socket.remoteFamily}`),
    async (port) => {
      const socket = await connectTcp(a, { address: FOUR, port, localAddress: address('192.0.2.1') });
      assert.equal(socket.remotePort, port);
      assert.deepEqual(socket.address(), { address: '192.0.2.1', family: 'IPv4', port: socket.localPort });
      assert.equal((await read(socket)).toString(), '192.0.2.1 192.0.2.2 IPv4');
    },
  );
});

test('a port is taken once, and free after close', async () => {
  const port = ports++;
  const stop = await listenTcp(b, { family: 4, port }, () => {});
  await assert.rejects(
    listenTcp(b, { family: 4, port }, () => {}),
    { code: 'EADDRINUSE' },
  );
  await stop();
  const again = await listenTcp(b, { family: 4, port }, () => {});
  await again();
});

test('nothing is left open', async () => {
  await sleep(50);
  for (const client of [a, b]) {
    const sockets = await client.call('socket.list', {});
    assert.deepEqual(
      sockets.filter((one) => one.id !== 0),
      [],
    );
  }
});

test('UDP: there and back, and refused', async () => {
  for (const to of [FOUR, SIX]) {
    const server = await UdpSocket.open(b, to.family);
    const { port } = await server.bind(0);
    server.on('message', (message) => server.send(message.from, message.data));
    const client = await UdpSocket.open(a, to.family);
    await client.send({ address: to, port }, Buffer.from('hello'));
    const answer = await client.next(() => true, 1000);
    assert.equal(Buffer.from(answer.data).toString(), 'hello');
    assert.ok(sameAddress(answer.from.address, to));
    await server.close();
    await client.connect({ address: to, port });
    const refused = assert.rejects(
      client.next(() => true, 1000),
      { code: 'ECONNREFUSED' },
    );
    await client.send({ address: to, port }, Buffer.from('anybody?'));
    await refused;
    await client.close();
  }
});

test('raw: an echo is answered', async () => {
  const ask = new Uint8Array(icmp.HEADER_LENGTH + 8);
  icmp.write(ask, 0, icmp.TYPE_ECHO, 0, icmp.echoRest(77, 1));
  icmp.fillChecksum(ask, 0, ask.length);
  await askRaw(a, { address: FOUR, protocol: 1, data: ask, timeout: 1000 }, ({ data, hops }) => {
    return icmp.type(data, 0) === icmp.TYPE_ECHO_REPLY && icmp.identifier(data, 0) === 77 && hops === 64;
  });
  const ask6 = new Uint8Array(icmp6.HEADER_LENGTH + 8);
  icmp6.write(ask6, 0, icmp6.TYPE_ECHO, 0, icmp6.echoRest(78, 1));
  await askRaw(a, { address: SIX, protocol: 58, data: ask6, timeout: 1000 }, ({ data }) => {
    return icmp6.type(data, 0) === icmp6.TYPE_ECHO_REPLY && icmp6.identifier(data, 0) === 78;
  });
  const silence = askRaw(
    a,
    { address: address('192.0.2.9'), protocol: 1, data: ask, timeout: 30 },
    () => true,
  );
  await assert.rejects(silence, { code: 'ETIMEDOUT' });
});
