// SPDX-License-Identifier: ISC
//
// Rulesets as `pfctl -nvf` lists them: list by list, the bodies of inline anchors in braces behind their calls.

import type { Rule, RuleList } from '../../../abi/rule.ts';
import { joinAnchor, type Ruleset } from './build/config.ts';
import { traitsOf } from './dialect.ts';
import { listEtherRules } from './etherRule.ts';
import type { ParsedPfConf } from './pfConf.ts';
import { type PrintOptions, printRule } from './print.ts';

const CLASSIC_LISTS: readonly (readonly RuleList[])[] = [['scrub'], ['nat'], ['rdr'], ['binat'], ['filter']];
const ALL_LISTS: readonly (readonly RuleList[])[] = [['filter']];

export interface ListingOptions extends PrintOptions {
  /** Rules carry their numbers and are not indented (`-vv`). */
  readonly numbered: boolean;
}

/** All rules that a configuration loads into its main ruleset, a line each. */
export function listRules(parsed: ParsedPfConf, options: ListingOptions): string[] {
  const main = parsed.rulesets.get(parsed.root)!;
  const lists = parsed.dialect === 'openbsd' ? ALL_LISTS : CLASSIC_LISTS;
  const rules = lists.flatMap((names) => {
    const loaded = names.every((name) => isLoaded(parsed, name));
    return loaded ? listRuleset(parsed, main, names, options, 0) : [];
  });
  return [...listEtherRules(parsed.etherRules, options.numbered), ...rules];
}

function isLoaded(parsed: ParsedPfConf, list: RuleList): boolean {
  const translation = list === 'nat' || list === 'rdr' || list === 'binat';
  return translation ? parsed.parts.translation : parsed.parts.filter;
}

function listRuleset(
  parsed: ParsedPfConf,
  ruleset: Ruleset,
  lists: readonly RuleList[],
  options: ListingOptions,
  depth: number,
): string[] {
  const indent = options.numbered ? '' : '  '.repeat(depth);
  const rules = ruleset.rules.filter((rule) => lists.includes(rule.list));
  const tables = lists.includes('filter') ? ruleset.optimizerTables : [];
  const lines = rules.flatMap((rule, number) => {
    const body = bodyOf(parsed, ruleset, rule);
    const anchorName = listedName(parsed, rule, body);
    const text = printRule(rule, parsed.dialect, {
      ...options,
      number: options.numbered ? number : undefined,
      anchorName,
    });
    if (body === undefined) return [indent + text];
    const inner = listRuleset(parsed, body, lists, options, depth + 1);
    return [`${indent}${text} {`, ...inner, `${indent}}`];
  });
  return [...tables, ...lines];
}

/** What an anchor call is listed with as its name; undefined for its own path. */
function listedName(parsed: ParsedPfConf, rule: Rule, body: Ruleset | undefined): string | undefined {
  if (body !== undefined) return body.path.slice(body.path.lastIndexOf('/') + 1);
  if (rule.anchor === undefined || traitsOf(parsed.dialect).anchorPaths) return undefined;
  return rule.anchor.slice(Math.max(0, rule.anchor.lastIndexOf('/')));
}

/** The body in braces behind an anchor call, if it has one. */
function bodyOf(parsed: ParsedPfConf, ruleset: Ruleset, rule: Rule): Ruleset | undefined {
  if (rule.action !== 'anchor' || rule.anchor === undefined) return undefined;
  // A path calls what stands elsewhere.
  if (rule.anchor.includes('/')) return undefined;
  const body = parsed.rulesets.get(joinAnchor(ruleset.path, rule.anchor));
  return body?.inline ? body : undefined;
}
