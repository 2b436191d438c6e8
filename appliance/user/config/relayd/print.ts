// SPDX-License-Identifier: ISC
//
// A relayd.conf(5) as text, in today's language: what is printed is read again as the same. Protocols are in
// printProtocol.ts.

import { formatAddress } from '../../../abi/addressText.ts';
import { printProtocol, quote } from './printProtocol.ts';
import type {
  Check,
  Globals,
  PortSpec,
  RedirectForward,
  RedirectStatement,
  RelaydConf,
  RelayForward,
  RelayStatement,
  RelayTarget,
  RouterStatement,
  Statement,
  TableHost,
  TableStatement,
  TableUse,
} from './syntax.ts';

/** The whole file. */
export function printRelaydConf({ globals, statements }: RelaydConf): string {
  const settings = printGlobals(globals);
  const parts = [...(settings.length > 0 ? [settings.join('')] : []), ...statements.map(printStatement)];
  return parts.join('\n');
}

function printGlobals(globals: Readonly<Globals>): string[] {
  const { interval, timeout, prefork, log, demote, socket, traps } = globals;
  const setting = (name: string, value: number | string | undefined) => {
    return value === undefined ? [] : [`${name} ${typeof value === 'string' ? quote(value) : value}\n`];
  };
  return [
    ...setting('interval', interval),
    ...setting('timeout', timeout),
    ...setting('prefork', prefork),
    ...(log.changes ? ['log state changes\n'] : []),
    ...(log.checks ? ['log host checks\n'] : []),
    ...(log.connection === undefined
      ? []
      : [`log connection${log.connection === 'errors' ? ' errors' : ''}\n`]),
    ...(log.level === undefined ? [] : [`log level ${log.level}\n`]),
    ...setting('demote', demote),
    ...setting('socket', socket),
    ...(traps === undefined
      ? []
      : [`agentx${optional('context', traps.context)}${optional('path', traps.path)}\n`]),
  ];
}

function optional(word: string, value: string | number | undefined): string {
  if (value === undefined) return '';
  return ` ${word} ${typeof value === 'string' ? quote(value) : value}`;
}

function printStatement(statement: Statement): string {
  switch (statement.kind) {
    case 'table':
      return printTable(statement);
    case 'redirect':
      return printBlock('redirect', statement.name, redirectLines(statement));
    case 'router':
      return printBlock('router', statement.name, routerLines(statement));
    case 'relay':
      return printBlock('relay', statement.name, relayLines(statement));
    case 'protocol':
      return printProtocol(statement);
  }
}

function printBlock(kind: string, name: string, lines: readonly string[]): string {
  return `${kind} ${quote(name)} {\n${lines.map((line) => `\t${line}\n`).join('')}}\n`;
}

function printTable({ name, disabled, hosts }: TableStatement): string {
  return `table <${quote(name)}>${disabled ? ' disable' : ''} { ${hosts.map(printHost).join(', ')} }\n`;
}

function printHost({ name, retry, parent, priority, ttl }: TableHost): string {
  const options = [
    optional('retry', retry),
    optional('parent', parent),
    optional('priority', priority),
    optional('ip ttl', ttl),
  ];
  return quote(name) + options.join('');
}

function redirectLines(redirect: RedirectStatement): string[] {
  const { tag } = redirect;
  return [
    ...redirect.listens.map(
      ({ address, protocol, port, interface: on, pflog }) =>
        `listen on ${quote(address)}${protocol === 'tcp' ? '' : ` ${quote(protocol)}`} port ${printPort(port)}` +
        `${optional('interface', on)}${pflog ? ' pflog' : ''}`,
    ),
    ...(redirect.disabled ? ['disable'] : []),
    ...(redirect.sticky ? ['sticky-address'] : []),
    ...(tag === undefined ? [] : [`${tag.match ? 'match ' : ''}pftag ${quote(tag.name)}`]),
    ...(redirect.sessionTimeout === undefined ? [] : [`session timeout ${redirect.sessionTimeout}`]),
    ...redirect.forwards.map(printForward),
  ];
}

function printForward({ kind, strict, use, interface: egress }: RedirectForward): string {
  return `${kind} to ${printUse(use, strict ? ' strict' : '')}${optional('interface', egress)}`;
}

function routerLines(router: RouterStatement): string[] {
  return [
    ...router.routes.map(({ prefix }) => `route ${quote(formatAddress(prefix))}/${prefix.length}`),
    ...(router.disabled ? ['disable'] : []),
    ...(router.rtable === undefined ? [] : [`rtable ${router.rtable}`]),
    ...(router.label === undefined ? [] : [`rtlabel ${quote(router.label)}`]),
    ...(router.use === undefined ? [] : [`forward to ${printUse(router.use)}`]),
  ];
}

function relayLines(relay: RelayStatement): string[] {
  return [
    ...relay.listens.map(
      ({ address, port, tls }) => `listen on ${quote(address)} port ${printPort(port)}${tls ? ' tls' : ''}`,
    ),
    ...(relay.disabled ? ['disable'] : []),
    ...(relay.protocol === undefined ? [] : [`protocol ${quote(relay.protocol)}`]),
    ...(relay.sessionTimeout === undefined ? [] : [`session timeout ${relay.sessionTimeout}`]),
    ...relay.forwards.map(printRelayForward),
  ];
}

function printRelayForward(forward: RelayForward): string {
  const { family, proxyProtocol } = forward;
  const start = `${forward.transparent ? 'transparent ' : ''}forward ${forward.tls ? 'with tls ' : ''}to `;
  const translated =
    family === undefined ? '' : family.kind === 'inet' ? ' inet' : ` inet6 ${quote(family.prefix)}`;
  const proxy = proxyProtocol === undefined ? '' : ` proxy-protocol ${proxyProtocol}`;
  return `${start}${printTarget(forward.target)}${optional('interface', forward.interface)}${translated}${proxy}`;
}

function printTarget(target: RelayTarget): string {
  if (target.kind === 'table') return printUse(target.use);
  const retry = optional('retry', target.retry);
  if (target.kind !== 'address') return target.kind + retry;
  return `${quote(target.address)} port ${printPort(target.port)}${retry}`;
}

function printPort({ low, high }: PortSpec): string {
  return high === undefined ? String(low) : `${low}:${high}`;
}

/** `own` is what only this kind of use has. */
function printUse(use: TableUse, own = ''): string {
  const { port, mode, key, check, timeout, interval, demote } = use;
  return [
    `<${quote(use.table)}>${own}`,
    optional('port', port),
    mode === undefined ? '' : ` mode ${mode}${key === undefined ? '' : ` ${quote(key)}`}`,
    check === undefined ? '' : ` check ${printCheck(check)}`,
    optional('timeout', timeout),
    optional('interval', interval),
    optional('demote', demote),
  ].join('');
}

function printCheck(check: Check): string {
  switch (check.kind) {
    case 'http': {
      const expect =
        'code' in check.expect ? `code ${check.expect.code}` : `digest ${quote(check.expect.digest)}`;
      return `http${check.tls ? 's' : ''} ${quote(check.path)}${optional('host', check.host)} ${expect}`;
    }
    case 'send': {
      const data = check.data === undefined ? 'nothing' : quote(check.data);
      return `${check.binary ? 'binary ' : ''}send ${data} expect ${quote(check.expect)}${check.tls ? ' tls' : ''}`;
    }
    case 'script':
      return `script ${quote(check.path)}`;
    default:
      return check.kind;
  }
}
