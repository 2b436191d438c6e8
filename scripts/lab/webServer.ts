// SPDX-License-Identifier: ISC
//
// The web server of a lab host where nginx is not installed: answers every request with one page.
// Arguments: port, page.

import { createServer } from 'node:http';

const [port, page] = process.argv.slice(2);

const server = createServer((_request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(page!) });
  response.end(page);
});
server.listen({ port: Number(port), host: '::' }, () => process.stdout.write('listening\n'));
