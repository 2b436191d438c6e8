// SPDX-License-Identifier: ISC
//
// `set …` (pf.conf(5), "OPTIONS"). Each is echoed where it stands, as pfctl -v does.

import { DEBUG_LEVELS, LIMITS, OPTIMIZATIONS, TIMEOUTS } from '../../../../abi/names.ts';
import { buildStateOptions } from '../build/state.ts';
import type { Parsing } from '../parsing.ts';
import { parseInterfaces } from './criteria.ts';
import { checkOrder, endStatement } from './filterRule.ts';
import { parseStateOption } from './stateOptions.ts';

const MAX_UNSIGNED = 0xffffffff;

type SetParser = (p: Parsing) => void;

/** One option; `set` has been taken. */
export function parseOption(p: Parsing): void {
  const { cursor } = p;
  for (const [word, parse] of Object.entries(PARSERS)) {
    if (!p.traits.reserved.has(word) || !cursor.accept(word)) continue;
    parse(p);
    endStatement(p);
    return;
  }
  cursor.syntaxError();
}

const PARSERS: Readonly<Record<string, SetParser>> = {
  timeout: (p) => eachOf(p, parseTimeout),
  limit: (p) => eachOf(p, parseLimit),
  optimization: parseOptimization,
  'ruleset-optimization': parseRulesetOptimization,
  loginterface: parseLogInterface,
  hostid: parseHostId,
  'block-policy': parseBlockPolicy,
  'state-policy': parseStatePolicy,
  'require-order': (p) => {
    const order = parseYesNo(p);
    p.config.echo.push(`set require-order ${order ? 'yes' : 'no'}`);
    p.config.requireOrder = order;
  },
  fingerprints: (p) => {
    const file = p.cursor.string('file');
    p.config.echo.push(`set fingerprints "${file}"`);
    p.config.fingerprintsFile = file;
    orderedOption(p);
  },
  skip: parseSkip,
  debug: parseDebug,
  reassemble: parseReassemble,
  'state-defaults': parseStateDefaults,
  syncookies: parseSyncookies,
  'fail-policy': parseFailPolicy,
  keepcounters: (p) => {
    p.config.echo.push('set keepcounters');
    p.config.unenforced.add('keepcounters');
  },
};

/** One NAME N, or several in braces. */
function eachOf(p: Parsing, parse: SetParser): void {
  if (p.cursor.acceptOperator('{')) p.cursor.braced(() => parse(p));
  else parse(p);
}

/** Options come first in 2008. */
function orderedOption(p: Parsing): void {
  p.cursor.peek();
  if (p.traits.classicRules) checkOrder(p, 'option');
}

function positive(p: Parsing, value: number): number {
  if (value < 0 || value > MAX_UNSIGNED) p.cursor.fail('only positive values permitted');
  return value;
}

function parseTimeout(p: Parsing): void {
  const { cursor, config } = p;
  const name = cursor.string('timeout');
  const number = cursor.number();
  orderedOption(p);
  const value = positive(p, number);
  const known = TIMEOUTS.find((timeout) => timeout.name === name.toLowerCase());
  if (!config.parts.options) return;
  if (isIdle(p, name)) return idle(p, 'timeout', name, value);
  if (known === undefined) p.cursor.fail(`unknown timeout ${name}`);
  config.options.timeouts = { ...config.options.timeouts, [known.name]: value };
  config.echo.push(`set timeout ${name} ${value}`);
}

/** A setting of the dialect that means nothing to this kernel. */
function isIdle(p: Parsing, name: string): boolean {
  return p.traits.idleSettings.has(name.toLowerCase());
}

function idle(p: Parsing, what: 'timeout' | 'limit', name: string, value: number): void {
  p.config.echo.push(`set ${what} ${name} ${value}`);
  p.config.unenforced.add(`${what} ${name}`);
}

function parseLimit(p: Parsing): void {
  const { cursor, config } = p;
  const name = cursor.string('limit');
  const number = cursor.number();
  orderedOption(p);
  const value = positive(p, number);
  if (isIdle(p, name)) return idle(p, 'limit', name, value);
  const known = LIMITS.find(
    (limit) => limit.name === name.toLowerCase() && limit.defaults[p.traits.dialect] !== undefined,
  );
  if (known === undefined) {
    p.diagnostics.note('pfctl: Bad pool name.');
    p.cursor.fail(`unable to set limit ${name} ${value}`);
  }
  config.options.limits = { ...config.options.limits, [known.name]: value };
  config.echo.push(`set limit ${name} ${value}`);
}

function parseOptimization(p: Parsing): void {
  const { cursor, config } = p;
  const name = cursor.string('optimization');
  orderedOption(p);
  if (!config.parts.options) return;
  if (!Object.hasOwn(OPTIMIZATIONS, name.toLowerCase())) cursor.fail(`unknown optimization ${name}`);
  config.options.optimization = name.toLowerCase();
  config.options.timeouts = { ...config.options.timeouts, ...OPTIMIZATIONS[name.toLowerCase()] };
  config.echo.push(`set optimization ${name}`);
}

function parseRulesetOptimization(p: Parsing): void {
  const name = p.cursor.strings();
  if (name !== 'none' && name !== 'basic' && name !== 'profile') {
    p.cursor.fail(`unknown ruleset-optimization ${name}`);
  }
  p.config.optimization ??= name;
}

function parseLogInterface(p: Parsing): void {
  const { cursor, config } = p;
  const name = cursor.accept('all') ? 'all' : cursor.string('interface');
  orderedOption(p);
  if (!config.parts.options) return;
  config.options.logInterface = name === 'none' ? '' : name;
  config.echo.push(`set loginterface ${name}`);
}

function parseHostId(p: Parsing): void {
  const { cursor, config } = p;
  const id = cursor.numberOrHex();
  cursor.peek();
  if (!(id > 0 && id <= MAX_UNSIGNED)) cursor.fail('hostid must be non-zero');
  if (!config.parts.options) return;
  config.options.hostId = id;
  config.echo.push(`set hostid 0x${id.toString(16).padStart(8, '0')}`);
}

function parseBlockPolicy(p: Parsing): void {
  const { cursor, config } = p;
  const policy = cursor.accept('drop') ? 'drop' : cursor.accept('return') ? 'return' : cursor.syntaxError();
  config.echo.push(`set block-policy ${policy}`);
  orderedOption(p);
  config.blockPolicy = policy;
  config.options.blockPolicy = policy;
}

/** What becomes of a packet that should pass and for which there is no room: it is dropped here, whatever is said. */
function parseFailPolicy(p: Parsing): void {
  const { cursor, config } = p;
  const policy = cursor.accept('drop') ? 'drop' : cursor.accept('return') ? 'return' : cursor.syntaxError();
  config.echo.push(`set fail-policy ${policy}`);
  orderedOption(p);
  if (policy === 'return') config.unenforced.add('fail-policy return');
}

function parseStatePolicy(p: Parsing): void {
  const { cursor, config } = p;
  const ifBound = cursor.accept('if-bound');
  if (!ifBound) cursor.require('floating');
  const policy = ifBound ? 'if-bound' : 'floating';
  config.echo.push(`set state-policy ${policy}`);
  config.ifBound = ifBound;
  config.options.statePolicy = policy;
}

function parseYesNo(p: Parsing): boolean {
  const { cursor } = p;
  if (cursor.accept('no')) return false;
  const word = cursor.string('yes');
  if (word !== 'yes') cursor.fail(`invalid value '${word}', expected 'yes' or 'no'`);
  return true;
}

function parseSkip(p: Parsing): void {
  const { cursor, config } = p;
  const interfaces = parseInterfaces(p) ?? [];
  cursor.peek();
  const [only] = interfaces;
  if (only === undefined || (interfaces.length === 1 && !only.negated && only.name === 'none')) {
    config.echo.push('set skip on none');
    config.options.skip = [];
    return;
  }
  for (const entry of interfaces) {
    if (entry.negated) cursor.error('skip on ! <interface> is not supported');
    else if (entry.routingDomain !== undefined) cursor.error('skip on rdomain <num> is not supported');
  }
  const names = interfaces.map((entry) => entry.name);
  config.echo.push(`set skip on { ${names.join(' ')} }`);
  if (interfaces.some((entry) => entry.negated || entry.routingDomain !== undefined)) {
    cursor.fail('error setting skip interface(s)');
  }
  if (config.parts.options) config.options.skip = [...(config.options.skip ?? []), ...names];
}

function parseDebug(p: Parsing): void {
  const { cursor, config } = p;
  const level = !p.traits.classicRules && cursor.accept('debug') ? 'debug' : cursor.string('level');
  orderedOption(p);
  if (!config.parts.options) return;
  const levels = DEBUG_LEVELS[p.traits.dialect];
  if (!levels.includes(level)) {
    if (DEBUG_LEVELS['openbsd-2008'].includes(level)) p.classicSeen = true;
    p.diagnostics.note(`unknown debug level "${level}"`);
    cursor.fail(`error setting debuglevel ${level}`);
  }
  config.options.debug = level;
  config.echo.push(`set debug ${level}`);
}

function parseReassemble(p: Parsing): void {
  if (!p.traits.todaysRules) p.cursor.syntaxError();
  const enabled = parseYesNo(p);
  const noDf = p.cursor.accept('no-df');
  p.config.reassemble = enabled;
  p.config.options.reassemble = { enabled, noDf };
  if (p.config.parts.options)
    p.config.echo.push(`set reassemble ${enabled ? 'yes' : 'no'} ${noDf ? 'no-df' : ''}`);
}

function parseStateDefaults(p: Parsing): void {
  const { cursor, config } = p;
  const nodes = [parseStateOption(p)];
  while (!cursor.atNewline() && !cursor.atEnd()) {
    cursor.acceptOperator(',');
    nodes.push(parseStateOption(p));
  }
  if (config.stateDefaults !== undefined) cursor.fail('cannot redefine state-defaults');
  buildStateOptions(p, nodes, { ifBound: false });
  config.stateDefaults = nodes;
}

function parseSyncookies(p: Parsing): void {
  const { cursor, config } = p;
  const mode = cursor.string('never');
  if (mode !== 'never' && mode !== 'always' && mode !== 'adaptive') {
    p.cursor.fail('illegal value for syncookies');
  }
  const marks = { start: undefined as number | undefined, end: undefined as number | undefined };
  const limited = cursor.acceptOperator('(');
  if (limited) cursor.parenthesized(() => parseWatermark(p, marks));
  cursor.peek();
  const { start = 25, end = 12 } = marks;
  if (limited && mode !== 'adaptive') {
    p.diagnostics.note('pfctl: start/end setting for syncookies only applies to adaptive');
    cursor.fail('error setting syncookies');
  }
  if (limited && end >= start) {
    p.diagnostics.note('pfctl: start must be higher than end');
    cursor.fail('error setting syncookies');
  }
  if (!config.parts.options) return;
  config.options.syncookies = mode === 'adaptive' ? { mode, start, end } : { mode };
  config.echo.push(`set syncookies ${mode}${limited ? ` (start ${start}%, end ${end}%)` : ''}`);
}

function parseWatermark(p: Parsing, marks: { start?: number; end?: number }): void {
  const { cursor } = p;
  const name = cursor.string('start');
  const text = cursor.string('percentage');
  const match = /^(\d+(?:\.\d*)?)%$/.exec(text);
  if (match === null) p.cursor.syntaxError();
  const value = Number(match[1]);
  if (!(value > 0 && value <= 100)) cursor.fail('illegal percentage value');
  if (name === 'start') marks.start = value;
  else if (name === 'end') marks.end = value;
  else cursor.fail('illegal syncookie option');
}
