// SPDX-License-Identifier: ISC
//
// Sends every datagram back to where it came from. Its argument is the port.

import { createSocket } from 'node:dgram';

const socket = createSocket('udp4');
socket.on('message', (data, from) => socket.send(data, from.port, from.address));
socket.bind(Number(process.argv[2]), () => process.stdout.write('listening\n'));
