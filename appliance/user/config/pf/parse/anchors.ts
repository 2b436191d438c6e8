// SPDX-License-Identifier: ISC
//
// Anchor calls with or without a body in braces, and `load anchor` (pf.conf(5), "ANCHORS").

import type { RuleList } from '../../../../abi/rule.ts';
import { joinAnchor } from '../build/config.ts';
import { decideFamily, expandRule } from '../build/expand.ts';
import type { Parsing } from '../parsing.ts';
import type { HostsNode, RuleHead } from '../syntax.ts';
import { parseDirection, parseFamily, parseInterfaces, parseProtocols, parseRtable } from './criteria.ts';
import { parseFilterOptions } from './filterOptions.ts';
import {
  checkOptions,
  checkOrder,
  checkTcpOptions,
  endStatement,
  listsOf,
  sharedTemplate,
} from './filterRule.ts';
import { parseHosts } from './hosts.ts';

const MAX_PATH = 1023;
const MAX_DEPTH = 64;

/** Reads the statements of a body up to its closing brace. */
export type BodyParser = (p: Parsing) => void;

/** One call; `anchor` has been taken. */
export function parseAnchor(p: Parsing, parseBody: BodyParser): void {
  const { cursor } = p;
  const name = cursor.atString('anchor') ? cursor.take().text : undefined;
  if (!p.traits.classicRules) checkName(p, name);
  const direction = parseDirection(p);
  const quick = cursor.accept('quick');
  const interfaces = parseInterfaces(p);
  const family = parseFamily(p);
  const protocols = parseProtocols(p);
  const hosts = parseHosts(p);
  const options = parseFilterOptions(p);
  const head: RuleHead = { direction, quick, interfaces, family, protocols, hosts };
  const body = cursor.acceptOperator('{') ? parseInlineBody(p, name, parseBody) : undefined;
  endStatement(p);
  if (p.traits.classicRules) {
    checkOrder(p, 'filter');
    checkName(p, name);
  }
  checkBody(p, name, body);
  checkOptions(p, options);
  checkTcpOptions(p, head, options, 'OS fingerprinting only applies to tcp');
  if (options.state?.keep !== undefined) cursor.fail('cannot specify state handling on anchors');
  if (options.route !== undefined) cursor.fail('cannot specify route handling on anchors');
  expandRule(p, {
    template: {
      list: 'filter',
      action: 'anchor',
      anchor: name ?? body!.name,
      ...sharedTemplate(p, head, options),
      family: decideFamily(head.family, head.hosts),
      flags: options.flags ?? undefined,
    },
    lists: listsOf(head, options),
  });
}

function checkName(p: Parsing, name: string | undefined): void {
  if (name === undefined) return;
  if (!p.traits.classicRules && name === '') p.cursor.fail('anchor name must not be empty');
  if (p.config.current.path.length + 1 + name.length > MAX_PATH) {
    p.cursor.fail(`anchor name is longer than ${MAX_PATH}`);
  }
  if (name.startsWith('_') || name.includes('/_')) {
    p.cursor.fail("anchor names beginning with '_' are reserved for internal use");
  }
}

interface Body {
  /** The last component of its path. */
  readonly name: string;
  readonly taken: boolean;
}

function parseInlineBody(p: Parsing, name: string | undefined, parseBody: BodyParser): Body {
  const { cursor, config } = p;
  if (config.depth + 1 >= MAX_DEPTH) cursor.fail('anchors too deep');
  const { ruleset, taken } = config.enter(name);
  if (!cursor.atNewline()) cursor.syntaxError();
  cursor.take();
  parseBody(p);
  config.leave();
  return { name: ruleset.path.slice(ruleset.path.lastIndexOf('/') + 1), taken };
}

function checkBody(p: Parsing, name: string | undefined, body: Body | undefined): void {
  const { cursor } = p;
  if (body === undefined) {
    if (name === undefined) cursor.fail('anchors without explicit rules must specify a name');
    return;
  }
  if (!p.traits.classicRules && name?.includes('/')) {
    cursor.fail("anchor paths containing '/' cannot be used for inline anchors.");
  }
  if (body.taken) cursor.fail(`inline anchor '${body.name}' already exists`);
}

/** nat-anchor, rdr-anchor, binat-anchor of 2008; the word has been taken. */
export function parseTranslationAnchor(p: Parsing, list: RuleList & ('nat' | 'rdr' | 'binat')): void {
  const { cursor } = p;
  const name = cursor.strings();
  const interfaces = parseInterfaces(p);
  const given = parseFamily(p);
  const protocols = parseProtocols(p);
  const hosts = parseHosts(p);
  const rtable = cursor.accept('rtable') ? parseRtable(p) : undefined;
  endStatement(p);
  checkOrder(p, 'translation');
  const family = decideFamily(given, hosts);
  if (list === 'rdr') checkRdrAnchor(p, hosts);
  if (list === 'binat') checkBinatAnchor(p, protocols, hosts);
  expandRule(p, {
    template: {
      list,
      action: 'anchor',
      anchor: name,
      quick: false,
      family,
      rtable,
      line: { file: cursor.file, line: cursor.line },
    },
    lists: { interfaces, protocols, hosts },
  });
}

function checkRdrAnchor(p: Parsing, hosts: HostsNode): void {
  const { cursor } = p;
  if (hosts.sourcePorts !== undefined) cursor.fail('source port parameter not supported in rdr-anchor');
  const ports = hosts.destinationPorts;
  if (ports === undefined) return;
  if (ports.length > 1) cursor.fail('destination port list expansion not supported in rdr-anchor');
  if (ports[0]!.operator !== '=') {
    cursor.fail('destination port operators not supported in rdr-anchor');
  }
}

function checkBinatAnchor(p: Parsing, protocols: readonly number[] | undefined, hosts: HostsNode): void {
  if ((protocols?.length ?? 0) > 1) {
    p.cursor.fail('proto list expansion not supported in binat-anchor');
  }
  const given = hosts.source ?? hosts.destination ?? hosts.sourcePorts ?? hosts.destinationPorts;
  if (given !== undefined) p.cursor.fail('fromto parameter not supported in binat-anchor');
}

/** `load anchor NAME from FILE`; `load` has been taken. */
export function parseLoadAnchor(p: Parsing): void {
  const { cursor, config } = p;
  cursor.require('anchor');
  const name = cursor.strings();
  cursor.require('from');
  const file = cursor.strings();
  endStatement(p);
  if (!p.traits.classicRules) checkName(p, name);
  config.anchorLoads.push({ path: joinAnchor(config.current.path, name), file });
}
