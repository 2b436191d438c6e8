// SPDX-License-Identifier: ISC
//
// The cryptography that the kernel is handed, all of it Node's OpenSSL.

import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import type { HmacSha1 } from '../kernel/carp/digest.ts';
import type { Cryptography } from '../kernel/kernel.ts';
import { type MakeCipher, TAG_LENGTH } from '../kernel/pfsync/seal.ts';

/** HMAC-SHA1 (RFC 2104). */
export const hmacSha1: HmacSha1 = (key, message) => createHmac('sha1', key).update(message).digest();

const ALGORITHM = 'aes-256-gcm';

/** AES-256-GCM (NIST SP 800-38D). */
export const aesGcm: MakeCipher = (key) => ({
  seal: (nonce, authenticated, text) => {
    const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(authenticated);
    return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  },
  open: (nonce, authenticated, sealed) => {
    const text = sealed.subarray(0, -TAG_LENGTH);
    const decipher = createDecipheriv(ALGORITHM, key, nonce).setAAD(authenticated);
    decipher.setAuthTag(sealed.subarray(-TAG_LENGTH));
    const opened = decipher.update(text);
    try {
      decipher.final();
    } catch {
      // It says so of a wrong tag, and of nothing else.
      return undefined;
    }
    return opened;
  },
});

export const cryptography: Cryptography = { hmacSha1, aesGcm };
