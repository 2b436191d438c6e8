// SPDX-License-Identifier: ISC
//
// A configuration as the text of relayd.conf(5), in the grammar of today; read again it is the same configuration.

import { formatAddress, formatPrefix } from '../../../abi/addressText.ts';
import { PROTOCOLS } from '../../../abi/names.ts';
import type {
  Check,
  HostConf,
  ListenConf,
  RedirectConf,
  RelayConf,
  RelaydConf,
  RelayForward,
  RouterConf,
  TableConf,
  TableUse,
} from './model.ts';
import { quote } from './protocol.ts';

/** The text of the file. */
export function printRelaydConf(conf: RelaydConf): string {
  const protocols = conf.protocols.map((one) => block(`${one.type} protocol ${quote(one.name)}`, one.lines));
  return [
    ...printGlobals(conf),
    ...conf.tables.map(printTable),
    ...conf.redirects.map((one) => block(`redirect ${quote(one.name)}`, redirectLines(one))),
    ...protocols,
    ...conf.relays.map((one) => block(`relay ${quote(one.name)}`, relayLines(one))),
    ...conf.routers.map((one) => block(`router ${quote(one.name)}`, routerLines(one))),
  ]
    .map((statement) => `${statement}\n`)
    .join('');
}

function block(head: string, lines: readonly string[]): string {
  return [`${head} {`, ...lines.map((line) => `\t${line}`), '}'].join('\n');
}

/** The words that there are, in one line. */
function join(...words: readonly (string | false | undefined)[]): string {
  return words.filter((word) => word !== undefined && word !== false && word !== '').join(' ');
}

function optional(word: string, value: string | number | undefined): string {
  return value === undefined ? '' : `${word} ${typeof value === 'string' ? quote(value) : value}`;
}

function printGlobals(conf: RelaydConf): string[] {
  return [
    `interval ${conf.interval}`,
    `timeout ${conf.timeout}`,
    optional('prefork', conf.prefork),
    conf.log === 'updates' ? 'log state changes' : conf.log === 'all' ? 'log host checks' : '',
    conf.logConnection === undefined
      ? ''
      : `log connection${conf.logConnection === 'errors' ? ' errors' : ''}`,
    optional('demote', conf.demote),
    ...conf.agents,
  ].filter((line) => line !== '');
}

function printTable(table: TableConf): string {
  return block(
    `table <${quote(table.name)}>${table.disabled ? ' disable' : ''}`,
    table.hosts.map((host) => printHost(host)),
  );
}

function printHost(host: HostConf): string {
  return join(
    host.name,
    host.retry > 0 && `retry ${host.retry}`,
    optional('parent', host.parent),
    optional('priority', host.priority),
    optional('ip ttl', host.ttl),
  );
}

function redirectLines(redirect: RedirectConf): string[] {
  const { kind, main, backup } = redirect;
  const egress = redirect.interface === undefined ? '' : `interface ${quote(redirect.interface)}`;
  return [
    ...redirect.listen.map(printListen),
    join(kind, 'to', printUse(main), egress),
    backup === undefined ? '' : join(kind, 'to', printUse(backup), egress),
    redirect.disabled ? 'disable' : '',
    redirect.sticky ? 'sticky-address' : '',
    redirect.tag === undefined ? '' : join(redirect.matchTag && 'match', 'pftag', quote(redirect.tag)),
    `session timeout ${redirect.sessionTimeout}`,
  ].filter((line) => line !== '');
}

function printListen(listen: ListenConf): string {
  const protocol = Object.keys(PROTOCOLS).find((name) => PROTOCOLS[name] === listen.protocol);
  return join(
    `listen on ${formatAddress(listen.address)}`,
    protocol !== 'tcp' && protocol,
    `port ${listen.port}${listen.lastPort === listen.port ? '' : `:${listen.lastPort}`}`,
    optional('interface', listen.interface),
    listen.log && 'pflog',
  );
}

function printUse(use: TableUse): string {
  return join(
    `<${quote(use.table.name)}>`,
    use.namesPort && `port ${use.port}`,
    use.check !== undefined && `check ${printCheck(use.check)}`,
    `timeout ${use.timeout}`,
    `interval ${use.interval}`,
    optional('demote', use.demote),
    use.mode !== undefined && join('mode', use.mode, use.key !== undefined && quote(use.key)),
  );
}

/** What stands behind `check`. */
export function printCheck(check: Check): string {
  switch (check.kind) {
    case 'http':
      return join(
        check.tls ? 'https' : 'http',
        quote(check.path),
        optional('host', check.host),
        optional('code', check.code),
        optional('digest', check.digest),
      );
    case 'send':
      return join(
        check.binary && 'binary',
        check.data === undefined ? 'send nothing' : `send ${quote(check.data)}`,
        `expect ${quote(check.expect)}`,
        check.tls && 'tls',
      );
    case 'script':
      return `script ${quote(check.path)}`;
    default:
      return check.kind;
  }
}

function relayLines(relay: RelayConf): string[] {
  return [
    ...relay.listen.map(({ address, port, tls }) =>
      join(`listen on ${formatAddress(address)} port ${port}`, tls && 'tls'),
    ),
    optional('protocol', relay.protocol),
    ...relay.forward.map(printForward),
    relay.disabled ? 'disable' : '',
    `session timeout ${relay.sessionTimeout}`,
  ].filter((line) => line !== '');
}

function printForward(forward: RelayForward): string {
  const { family } = forward;
  return join(
    forward.transparent && 'transparent',
    'forward',
    forward.tls && 'with tls',
    'to',
    printTarget(forward.target),
    optional('interface', forward.interface),
    family !== undefined && (family === 'inet' ? 'inet' : `inet6 ${quote(family.inet6)}`),
    forward.proxyProtocol !== undefined && `proxy-protocol ${forward.proxyProtocol}`,
  );
}

function printTarget(target: RelayForward['target']): string {
  if (target.kind === 'table') return printUse(target.use);
  const retry = target.retry > 0 && `retry ${target.retry}`;
  if (target.kind !== 'address') return join(target.kind, retry);
  return join(`${formatAddress(target.address)} port ${target.port}`, retry);
}

function routerLines(router: RouterConf): string[] {
  return [
    ...router.routes.map((route) => `route ${formatPrefix(route)}`),
    `forward to ${printUse(router.gateways)}`,
    router.rtable > 0 ? `rtable ${router.rtable}` : '',
    optional('rtlabel', router.label),
    router.disabled ? 'disable' : '',
  ].filter((line) => line !== '');
}
