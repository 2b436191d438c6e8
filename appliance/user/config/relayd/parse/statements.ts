// SPDX-License-Identifier: ISC
//
// The statements of a relayd.conf(5): macros, settings of the daemon, and the blocks that have files of their own.

import {
  acceptWord,
  atName,
  attempt,
  bounded,
  boundedName,
  include,
  name,
  type Parsing,
} from '../parsing.ts';
import { parseProtocol } from './protocol.ts';
import { parseRedirect } from './redirect.ts';
import { parseRelay } from './relay.ts';
import { parseRouter } from './router.ts';
import { parseTable } from './tables.ts';

const GROUP_SIZE = 16;
const MAX_PREFORK = 32;

/** Reads all statements. */
export function parseStatements(p: Parsing): void {
  const { cursor } = p;
  while (!cursor.atEnd()) {
    attempt(p, () => {
      if (!cursor.atNewline()) statement(p);
      if (cursor.atNewline()) cursor.take();
      else if (!cursor.atEnd()) cursor.syntaxError();
    });
  }
}

function statement(p: Parsing): void {
  const { cursor } = p;
  if (cursor.accept('include')) include(p);
  else if (cursor.accept('table')) parseTable(p);
  else if (cursor.accept('redirect')) parseRedirect(p);
  else if (cursor.accept('router')) parseRouter(p);
  else if (cursor.accept('relay')) parseRelay(p);
  else if (cursor.accept('protocol')) parseProtocol(p, 'tcp');
  else if (cursor.at('tcp') || cursor.at('http')) {
    const type = cursor.take().text as 'tcp' | 'http';
    cursor.require('protocol');
    parseProtocol(p, type);
  } else if (!globalSetting(p)) macroOrProtocol(p);
}

/** `name="value"`, or a type of protocol that is no reserved word. */
function macroOrProtocol(p: Parsing): void {
  const { cursor } = p;
  const quoted = cursor.peek();
  const beginnings = cursor.expectations();
  const word = name(p, 'macro');
  if (cursor.acceptOperator('=')) {
    if (/\s/.test(quoted.text)) cursor.fail('macro name cannot contain whitespace');
    p.lexer.defineMacro(word, cursor.string('quoted value'));
    return;
  }
  if (!cursor.accept('protocol')) cursor.syntaxError({ found: word, expected: beginnings });
  if (word !== 'dns') cursor.fail(`invalid protocol type: ${word}`);
  parseProtocol(p, 'dns');
}

function globalSetting(p: Parsing): boolean {
  const { cursor, globals } = p;
  if (cursor.accept('interval')) globals.interval = bounded(p, 1, 0x7fffffff, 'invalid interval');
  else if (cursor.accept('timeout')) globals.timeout = bounded(p, 1, 0x7fffffff, 'invalid timeout');
  else if (cursor.accept('prefork'))
    globals.prefork = bounded(p, 1, MAX_PREFORK, 'invalid number of preforked relays');
  else if (cursor.accept('log')) logSetting(p);
  else if (cursor.accept('demote')) globals.demote = boundedName(p, 'interface group', GROUP_SIZE);
  else if (cursor.accept('socket')) globals.socket = name(p, 'path');
  else if (cursor.accept('send')) {
    if (!cursor.accept('trap')) cursor.syntaxError();
    globals.traps = {};
  } else if (cursor.accept('snmp')) {
    cursor.accept('trap');
    globals.traps = atName(p, 'path') ? { path: name(p, 'path') } : {};
  } else if (cursor.accept('agentx')) {
    const context = cursor.accept('context') ? { context: name(p, 'context') } : {};
    globals.traps = { ...context, ...(cursor.accept('path') ? { path: name(p, 'path') } : {}) };
  } else return false;
  return true;
}

/** `updates` and `all` of 2008 are `state changes` and `host checks`. */
function logSetting(p: Parsing): void {
  const { cursor } = p;
  const { log } = p.globals;
  if (cursor.accept('updates')) log.changes = true;
  else if (cursor.accept('all')) log.checks = true;
  else if (cursor.accept('state')) {
    cursor.require('changes');
    log.changes = true;
  } else if (cursor.accept('host')) {
    cursor.require('checks');
    log.checks = true;
  } else if (cursor.accept('connection')) {
    log.connection = acceptWord(p, 'errors') ? 'errors' : 'all';
  } else {
    cursor.require('level');
    log.level = (['brief', 'verbose'] as const).find((level) => cursor.accept(level)) ?? cursor.syntaxError();
  }
}
