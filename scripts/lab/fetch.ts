// SPDX-License-Identifier: ISC
//
// Fetches a URL on a lab host, once or many times, each time by a connection of its own, and prints one line of JSON for each:
// a `Fetched`, or `{"error": "…"}`. Arguments: URL, seconds to wait for each, how many, how many at a time.

import { get } from 'node:http';

const [url = '', seconds = '10', count = '1', concurrency = '1'] = process.argv.slice(2);

function fetchOnce(): Promise<object> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false }, (response) => {
      const { localAddress, localPort, remoteAddress, remotePort } = response.socket;
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('error', (error) => resolve({ error: error.message }));
      response.on('end', () => {
        resolve({
          status: response.statusCode,
          body,
          local: { address: localAddress, port: localPort },
          remote: { address: remoteAddress, port: remotePort },
        });
      });
    });
    const limit = setTimeout(
      () => request.destroy(new Error(`no answer within ${seconds} s`)),
      Number(seconds) * 1000,
    );
    request.on('close', () => clearTimeout(limit));
    request.on('error', (error) => resolve({ error: error.message }));
  });
}

let left = Number(count);
async function worker(): Promise<void> {
  while (left-- > 0) process.stdout.write(`${JSON.stringify(await fetchOnce())}\n`);
}
await Promise.all(Array.from({ length: Number(concurrency) }, worker));
