// SPDX-License-Identifier: ISC
//
// Passwords as they are kept: scrypt (RFC 7914) with a salt of its own for each, in the form $scrypt$ln=15,r=8,p=1$SALT$HASH.

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

interface Cost {
  /** log2 of the number of rounds. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MB and about a tenth of a second. */
const COST: Cost = { ln: 15, r: 8, p: 1 };
const MAXIMUM_LN = 20;
const LENGTH = 32;
const SALT_LENGTH = 16;

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_LENGTH);
  const hash = await derive(password, salt, COST);
  const { ln, r, p } = COST;
  return `$scrypt$ln=${ln},r=${r},p=${p}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/** Takes as long for a wrong password as for a right one, and for a user that there is not (no hash) as for one that there is. */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const kept = parseHash(hash);
  const salt = kept?.salt ?? Buffer.alloc(SALT_LENGTH);
  const derived = await derive(password, salt, kept?.cost ?? COST);
  return timingSafeEqual(derived, kept?.hash ?? Buffer.alloc(LENGTH)) && kept !== undefined;
}

/** Undefined for what is no hash of ours: such a user cannot log in. */
function parseHash(text = ''): { cost: Cost; salt: Buffer; hash: Buffer } | undefined {
  const match = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/.exec(text);
  if (match === null) return undefined;
  const cost = { ln: Number(match[1]), r: Number(match[2]), p: Number(match[3]) };
  const hash = Buffer.from(match[5]!, 'base64');
  const isSane =
    cost.ln >= 1 && cost.ln <= MAXIMUM_LN && cost.r >= 1 && cost.r <= 16 && cost.p >= 1 && cost.p <= 4;
  return isSane && hash.length === LENGTH
    ? { cost, salt: Buffer.from(match[4]!, 'base64'), hash }
    : undefined;
}

function derive(password: string, salt: Buffer, { ln, r, p }: Cost): Promise<Buffer> {
  const N = 2 ** ln;
  return new Promise((resolve, reject) => {
    scrypt(password, salt, LENGTH, { N, r, p, maxmem: 256 * N * r }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
