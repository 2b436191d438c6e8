// SPDX-License-Identifier: ISC
//
// Colours for the files of etc/: comments, strings, macros and tables, and the words of their languages.

import { type Row, type Style, span } from '../styled.ts';

const PF =
  'pass block match in out on quick from to proto port keep modulate synproxy state no nat rdr binat anchor load table set ' +
  'scrub antispoof inet inet6 any all self log tag tagged label route-to reply-to dup-to nat-to rdr-to binat-to af-to persist ' +
  'const file counters flags icmp-type icmp6-type return drop queue divert-to user group rtable received-on probability';
const RELAYD =
  'table redirect relay router protocol http tcp dns listen on port forward route to from check icmp script send expect code ' +
  'host disable interval timeout prefork log mode interface sticky-address session backup retry parent priority demote tag pftag ' +
  'match rtable tls with include';
const HOSTNAME =
  'inet inet6 alias dhcp autoconf up down mtu lladdr group description vhid carpdev advbase advskew pass balancing carpnodes ' +
  'syncdev syncpeer maxupd defer parent vnetid autoconf6 prefixlen netmask dest';

const LANGUAGES: readonly (readonly [RegExp, string])[] = [
  [/pf[^/]*\.conf$/, PF],
  [/relayd[^/]*\.conf$/, RELAYD],
  [/hostname\.\w+$/, HOSTNAME],
];

/** The words of a file's language. */
export function wordsOf(path: string): ReadonlySet<string> {
  const words = LANGUAGES.find(([pattern]) => pattern.test(path))?.[1] ?? '';
  return new Set(words.split(' '));
}

const TOKEN = /(#.*$)|("(?:[^"\\]|\\.)*"?)|(\$\w+|<[\w.-]+>)|([A-Za-z][\w-]*)|([^#"$<A-Za-z]+|.)/g;

/** A line in spans; `text` is printable. */
export function highlight(text: string, words: ReadonlySet<string>): Row {
  return [...text.matchAll(TOKEN)].map(([token, comment, quoted, name, word]) => {
    let style: Style = 'text';
    if (comment !== undefined) style = 'faint';
    else if (quoted !== undefined) style = 'good';
    else if (name !== undefined) style = 'warn';
    else if (word !== undefined && words.has(word)) style = 'strong';
    return span(token, style);
  });
}
