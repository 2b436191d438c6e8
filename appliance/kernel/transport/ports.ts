// SPDX-License-Identifier: ISC
//
// Ephemeral ports (RFC 6056): a random one of OpenBSD's range (net.inet.ip.portfirst to portlast), the next free one from there.

import type { Random } from '../random.ts';

const FIRST = 1024;
const LAST = 49_151;

/** A port that `taken` does not refuse; 0 when all are. */
export function choosePort(random: Random, taken: (port: number) => boolean): number {
  const count = LAST - FIRST + 1;
  const start = random.below(count);
  for (let i = 0; i < count; i++) {
    const port = FIRST + ((start + i) % count);
    if (!taken(port)) return port;
  }
  return 0;
}
