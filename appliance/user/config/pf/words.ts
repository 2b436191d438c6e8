// SPDX-License-Identifier: ISC
//
// Words of pf.conf(5) by dialect: those that are no names unless quoted, and those that may stand behind a rule's hosts.

export const SHARED_WORDS =
  'all allow-opts anchor antispoof any bandwidth bitmask block block-policy code debug divert-reply divert-to ' +
  'drop dup-to file fingerprints flags floating flush for fragment from global group hostid icmp-type icmp6-type ' +
  'if-bound in include inet inet6 keep label limit load log loginterface max max-mss max-src-conn ' +
  'max-src-conn-rate max-src-nodes max-src-states min-ttl modulate no no-df no-route no-sync observed on optimization os ' +
  'out overload pass port probability proto qlimit queue quick random random-id reassemble reply-to return ' +
  'return-icmp return-icmp6 return-rst round-robin route route-to rtable rule ruleset-optimization scrub set skip ' +
  'sloppy source-hash source-track state state-policy static-port sticky-address synproxy table tag tagged ' +
  'timeout to tos ttl urpf-failed user';

export const CLASSIC_WORDS =
  'altq binat binat-anchor cbq crop drop-ovl fastroute hfsc linkshare nat nat-anchor priority priq rdr rdr-anchor ' +
  'realtime require-order set-tos tbrsize upperlimit';

export const TODAY_WORDS =
  'af-to binat-to burst default delay divert-packet flows least-states match matches max-pkt-rate min nat-to once ' +
  'parent pflow prio quantum rdomain rdr-to received-on state-defaults syncookies weight';

export const FREEBSD_WORDS =
  'bridge-to dnpipe dnqueue endpoint-independent ether fail-policy fairq keepcounters l3 map-e-portset max-pkt-size ' +
  'prefer-ipv6-nexthop ridentifier';

/** What FreeBSD has taken over from OpenBSD since 2008. */
export const FREEBSD_TAKEN =
  'af-to binat-to match matches max-pkt-rate nat-to once pflow prio rdr-to received-on state-defaults syncookies';

/** All words of these lists. */
export function words(...lists: readonly string[]): ReadonlySet<string> {
  return new Set(lists.flatMap((list) => list.split(' ')));
}

/** Words whose appearance tells that a ruleset is written in the language of 2008. */
export const CLASSIC_ONLY: ReadonlySet<string> = words(CLASSIC_WORDS, 'scrub');

/** Words whose appearance tells that a ruleset is FreeBSD's. */
export const FREEBSD_ONLY: ReadonlySet<string> = words(FREEBSD_WORDS);

export const SHARED_OPTIONS =
  'user group flags icmp-type icmp6-type tos no keep modulate synproxy fragment allow-opts label queue tag ! tagged ' +
  'probability rtable divert-to divert-reply';

export const TODAY_OPTIONS =
  'prio divert-packet state source scrub nat-to af-to rdr-to binat-to route-to reply-to dup-to received-on once max-pkt-rate set';

export const FREEBSD_OPTIONS =
  'prio set state source scrub nat-to af-to rdr-to binat-to received-on once max-pkt-rate max-pkt-size ridentifier dnpipe dnqueue';
