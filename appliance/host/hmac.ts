// SPDX-License-Identifier: ISC
//
// The cryptography that the kernel is handed.

import { createHmac } from 'node:crypto';
import type { HmacSha1 } from '../kernel/carp/digest.ts';

/** HMAC-SHA1 (RFC 2104) by Node's OpenSSL. */
export const hmacSha1: HmacSha1 = (key, message) => createHmac('sha1', key).update(message).digest();
