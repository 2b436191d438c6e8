// SPDX-License-Identifier: ISC
//
// Protocols of a relayd.conf(5) as text, in today's language; and how a string is quoted.

import { formatAddress } from '../../../abi/addressText.ts';
import type {
  ExpectAction,
  NamedOption,
  ProtocolOption,
  ProtocolRule,
  ProtocolStatement,
  RuleOption,
  RuleText,
  TlsOption,
} from './syntax.ts';
import { RESERVED_WORDS } from './words.ts';

/** Words that have no meaning of their own anywhere in the grammar. */
const NOT_PLAIN = new Set(['https', 'dns', 'v1', 'v2', 'errors']);

/** The string as the lexer reads it back: bare where it is a plain word, else in quotes. */
export function quote(text: string): string {
  const bare = /^[A-Za-z_:][\w.:-]*$/.test(text) || /^\d+[A-Za-z_.:][\w.:-]*$/.test(text);
  return bare && !RESERVED_WORDS.has(text) && !NOT_PLAIN.has(text) ? text : quoted(text);
}

/** In quotes. A backslash only means something before a quote and before a blank. */
function quoted(text: string): string {
  return `"${text.replaceAll('"', '\\"').replace(/\\(?=[ \t])/g, '\\\\')}"`;
}

export function printProtocol({ type, name, options }: ProtocolStatement): string {
  const lines = options.map((option) => `\t${printOption(option)}\n`).join('');
  return `${type === 'tcp' ? '' : `${type} `}protocol ${quote(name)} {\n${lines}}\n`;
}

function printOption(option: ProtocolOption): string {
  switch (option.kind) {
    case 'tcp':
    case 'http':
      return `${option.kind} ${bag(option.options.map(printNamed))}`;
    case 'tls':
      return `tls ${bag(option.options.map(printTls))}`;
    case 'return error':
      return `return error${option.style === undefined ? '' : ` style ${quote(option.style)}`}`;
    case 'rule':
      return printRule(option);
    case 'expect':
      return printExpect(option);
  }
}

function bag(options: readonly string[]): string {
  return options.length === 1 ? options[0]! : `{ ${options.join(', ')} }`;
}

function printNamed({ name, value }: NamedOption): string {
  if (typeof value === 'boolean') return value ? name : `no ${name}`;
  // The cache of 2008 is the one option whose value may be a word of the grammar.
  if (name === 'session cache' && value === 'disable') return `${name} ${value}`;
  return `${name} ${typeof value === 'string' ? quote(value) : value}`;
}

function printTls(option: TlsOption): string {
  const text = printNamed(option);
  if ('password' in option) return `${text} password ${quote(option.password)}`;
  if (!('file' in option) || option.file === undefined) return text;
  return `${text} ${option.file.part} ${quote(option.file.path)}`;
}

function printRule(rule: ProtocolRule): string {
  const side = (word: string, prefix: ProtocolRule['from']) =>
    prefix === undefined ? [] : [`${word} ${quote(formatAddress(prefix))}/${prefix.length}`];
  return [
    rule.action,
    ...(rule.direction === undefined ? [] : [rule.direction]),
    ...(rule.quick ? ['quick'] : []),
    ...(rule.family === undefined ? [] : [rule.family]),
    ...side('from', rule.from),
    ...side('to', rule.to),
    ...rule.options.map(printRuleOption),
  ].join(' ');
}

function printRuleOption(option: RuleOption): string {
  switch (option.kind) {
    case 'key':
      return printKey(option);
    case 'file':
      return `file ${quote(option.path)}${option.value === undefined ? '' : ` value ${quote(option.value)}`}`;
    case 'strip':
      return `path strip ${option.count}`;
    case 'forward':
      return `forward to <${quote(option.name)}>`;
    case 'method':
    case 'tagged':
      return `${option.kind} ${quote(option.name)}`;
    case 'tag':
    case 'label':
      return option.name === undefined ? `no ${option.kind}` : `${option.kind} ${quote(option.name)}`;
  }
}

/** Texts of a rule stand in quotes always, as the manual writes them. */
function printKey(option: Extract<RuleOption, { kind: 'key' }>): string {
  const text = (one: RuleText) => `${one.pattern ? 'pattern ' : ''}${quoted(one.text)}`;
  return [
    option.key,
    ...(option.verb === undefined ? [] : [option.verb]),
    ...(option.digest === undefined ? [] : [`digest "${option.digest}"`]),
    ...(option.name === undefined ? [] : [text(option.name)]),
    ...(option.value === undefined ? [] : [`value ${text(option.value)}`]),
  ].join(' ');
}

function printExpect({ direction, key, value, from, digest, marked, log }: ExpectAction): string {
  const source = digest ? `digest "${value}"` : quoted(value);
  const name = from === undefined ? '' : ` from ${quoted(from)}`;
  const mark = marked === undefined ? '' : ` marked ${marked}`;
  return `${direction} ${key} expect ${source}${name}${mark}${log ? ' log' : ''}`;
}
