// SPDX-License-Identifier: ISC
//
// Which function carries out which check, and what the log calls it.

import type { Check } from '../../config/relayd/syntax.ts';
import type { CheckFunction } from './attempt.ts';
import { checkHttp } from './http.ts';
import { checkIcmp } from './icmp.ts';
import { checkScript } from './script.ts';
import { checkSendExpect } from './sendExpect.ts';
import { checkTcp, checkTls } from './tcp.ts';

export function checkFunction(check: Check): CheckFunction {
  switch (check.kind) {
    case 'icmp':
      return checkIcmp;
    case 'tcp':
      return checkTcp;
    case 'tls':
      return checkTls;
    case 'http':
      return checkHttp(check);
    case 'send':
      return checkSendExpect(check);
    case 'script':
      return checkScript(check.path);
  }
}

/** `http code`, `send expect use tls`, … (relayd.md 4.7). */
export function checkName(check: Check | undefined): string {
  if (check === undefined) return 'none';
  switch (check.kind) {
    case 'tls':
      return 'tcp use tls';
    case 'http':
      return `http ${'code' in check.expect ? 'code' : 'digest'}${check.tls ? ' use tls' : ''}`;
    case 'send':
      return `send expect${check.tls ? ' use tls' : ''}`;
    default:
      return check.kind;
  }
}
