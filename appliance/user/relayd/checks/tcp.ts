// SPDX-License-Identifier: ISC
//
// `check tcp` and `check tls`: the connection, or the handshake, is enough.

import type { CheckFunction } from './attempt.ts';
import { up } from './result.ts';
import { isStream, openStream } from './stream.ts';

export const checkTcp: CheckFunction = async (attempt) => {
  const opened = await openStream(attempt, false);
  return isStream(opened) ? up('tcp connect ok') : opened;
};

export const checkTls: CheckFunction = async (attempt) => {
  const opened = await openStream(attempt, true);
  return isStream(opened) ? up('tls connect ok') : opened;
};
