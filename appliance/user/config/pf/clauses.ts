// SPDX-License-Identifier: ISC
//
// The parts of a rule in the order in which each dialect's pfctl(8) prints them.

/** A part of a printed rule (print.ts has the function that prints it). */
export type ClauseName =
  | 'action'
  | 'blockReturn'
  | 'direction'
  | 'log'
  | 'quick'
  | 'interface'
  | 'route'
  | 'family'
  | 'protocol'
  | 'hosts'
  | 'receivedOn'
  | 'user'
  | 'group'
  | 'flags'
  | 'icmp'
  | 'tos'
  | 'prio'
  | 'maxPacketRate'
  | 'maxPacketSize'
  | 'set'
  | 'state'
  | 'probability'
  | 'stateOptions'
  | 'limiters'
  | 'fragment'
  | 'scrub'
  | 'allowOptions'
  | 'label'
  | 'ridentifier'
  | 'dummynet'
  | 'queue'
  | 'once'
  | 'tag'
  | 'tagged'
  | 'rtable'
  | 'divert'
  | 'translation';

export const CLASSIC_CLAUSES: readonly ClauseName[] = [
  'action',
  'blockReturn',
  'direction',
  'log',
  'quick',
  'interface',
  'route',
  'family',
  'protocol',
  'hosts',
  'user',
  'group',
  'flags',
  'icmp',
  'tos',
  'set',
  'state',
  'probability',
  'stateOptions',
  'fragment',
  'scrub',
  'label',
  'queue',
  'tag',
  'tagged',
  'rtable',
  'divert',
  'translation',
];

export const TODAY_CLAUSES: readonly ClauseName[] = [
  'action',
  'blockReturn',
  'direction',
  'log',
  'quick',
  'interface',
  'family',
  'protocol',
  'hosts',
  'receivedOn',
  'user',
  'group',
  'flags',
  'icmp',
  'tos',
  'prio',
  'maxPacketRate',
  'set',
  'state',
  'probability',
  'stateOptions',
  'limiters',
  'fragment',
  'scrub',
  'allowOptions',
  'label',
  'once',
  'tag',
  'tagged',
  'rtable',
  'divert',
  'translation',
  'route',
];

export const FREEBSD_CLAUSES: readonly ClauseName[] = [
  'action',
  'blockReturn',
  'direction',
  'log',
  'quick',
  'interface',
  'route',
  'family',
  'protocol',
  'hosts',
  'receivedOn',
  'user',
  'group',
  'flags',
  'icmp',
  'tos',
  'prio',
  'maxPacketRate',
  'maxPacketSize',
  'set',
  'state',
  'probability',
  'stateOptions',
  'limiters',
  'fragment',
  'scrub',
  'allowOptions',
  'label',
  'ridentifier',
  'once',
  'dummynet',
  'queue',
  'tag',
  'tagged',
  'rtable',
  'divert',
  'translation',
];
