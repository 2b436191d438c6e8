// SPDX-License-Identifier: ISC
//
// The socket calls of userland, handed to the transport that each socket is of.

import type { Handlers } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import type { SocketCalls } from '../../abi/socket.ts';
import type { Raw } from './raw.ts';
import type { SocketTable } from './socket.ts';
import type { Tcp } from './tcp/tcp.ts';
import type { Udp } from './udp.ts';

/** Handlers of all socket calls. */
export function socketCalls(sockets: SocketTable, tcp: Tcp, udp: Udp, raw: Raw): Handlers<SocketCalls> {
  return {
    'socket.open': ({ type, family, protocol }) => {
      if (family !== 4 && family !== 6) throw new CallError('EAFNOSUPPORT');
      if (type === 'tcp') return tcp.open(family);
      return type === 'udp' ? udp.open(family) : raw.open(family, protocol ?? 0);
    },
    'socket.bind': ({ id, address, port }) => {
      const wanted = port ?? 0;
      if (!(wanted >= 0 && wanted <= 65_535)) throw new CallError('EINVAL');
      return sockets.get(id).bind(address, wanted);
    },
    'socket.listen': ({ id, backlog }) => done(sockets.get(id).listen(backlog)),
    'socket.connect': ({ id, remote, timeout }) => done(sockets.get(id).connect(remote, timeout)),
    'socket.send': ({ id, data }) => sockets.get(id).send(data),
    'socket.sendTo': ({ id, remote, data, hops, nextHop }) =>
      done(sockets.get(id).sendTo(remote, data, hops, nextHop)),
    'socket.consumed': ({ id, bytes }) => done(sockets.get(id).consumed(bytes)),
    'socket.shutdown': ({ id }) => done(sockets.get(id).shutdown()),
    'socket.close': ({ id, abort }) => done(sockets.get(id).close(abort ?? false)),
    'socket.set': (options) => done(sockets.get(options.id).set(options)),
    'socket.list': ({ type }) => {
      const all = [...tcp.list(), ...udp.list(), ...raw.list()];
      return type === undefined ? all : all.filter((socket) => socket.type === type);
    },
  };
}

function done(_nothing: unknown): null {
  return null;
}
