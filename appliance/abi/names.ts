// SPDX-License-Identifier: ISC
//
// Numbers and names of the filter's world, in one place for parser, printers and the kernel's counters: protocols,
// services, ICMP types and codes, pf timeouts, limits and reasons (pf.conf(5), pfctl(8), icmp(4), icmp6(4)).

import { type Family, INET6 } from './address.ts';
import type { Dialect } from './rule.ts';

/** IP protocols by their names in protocols(5). */
export const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  ipencap: 4,
  tcp: 6,
  egp: 8,
  udp: 17,
  ipv6: 41,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  ospf: 89,
  etherip: 97,
  pim: 103,
  ipcomp: 108,
  carp: 112,
  sctp: 132,
  udplite: 136,
  pfsync: 240,
};

/** Other names that are read as a protocol, never printed. */
export const PROTOCOL_ALIASES: Readonly<Record<string, string>> = {
  icmp6: 'ipv6-icmp',
  vrrp: 'carp',
  'ospf-igp': 'ospf',
};

/** Services by name, as services(5) has them. */
export const SERVICES: Readonly<Record<'tcp' | 'udp', Readonly<Record<string, number>>>> = {
  tcp: {
    echo: 7,
    discard: 9,
    daytime: 13,
    'ftp-data': 20,
    ftp: 21,
    ssh: 22,
    telnet: 23,
    smtp: 25,
    time: 37,
    whois: 43,
    domain: 53,
    gopher: 70,
    finger: 79,
    www: 80,
    kerberos: 88,
    pop3: 110,
    sunrpc: 111,
    auth: 113,
    nntp: 119,
    ntp: 123,
    'netbios-ssn': 139,
    imap: 143,
    bgp: 179,
    ldap: 389,
    https: 443,
    'microsoft-ds': 445,
    smtps: 465,
    login: 513,
    printer: 515,
    submission: 587,
    ldaps: 636,
    'domain-s': 853,
    rsync: 873,
    imaps: 993,
    pop3s: 995,
    socks: 1080,
    openvpn: 1194,
    pptp: 1723,
    nfsd: 2049,
    cvspserver: 2401,
    mysql: 3306,
    rdp: 3389,
    postgresql: 5432,
    sip: 5060,
    'ftp-proxy': 8021,
    spamd: 8025,
    'spamd-cfg': 8026,
  },
  udp: {
    echo: 7,
    discard: 9,
    daytime: 13,
    ssh: 22,
    time: 37,
    domain: 53,
    bootps: 67,
    bootpc: 68,
    tftp: 69,
    kerberos: 88,
    sunrpc: 111,
    ntp: 123,
    'netbios-ns': 137,
    'netbios-dgm': 138,
    snmp: 161,
    'snmp-trap': 162,
    isakmp: 500,
    syslog: 514,
    route: 520,
    openvpn: 1194,
    l2tp: 1701,
    radius: 1812,
    nfsd: 2049,
    'ipsec-nat-t': 4500,
    sip: 5060,
    vxlan: 4789,
    'spamd-sync': 8025,
  },
};

/** Names that read as a service, never printed. */
export const SERVICE_ALIASES: Readonly<Record<string, string>> = {
  http: 'www',
  ident: 'auth',
  mail: 'smtp',
  nameserver: 'domain',
  nfs: 'nfsd',
  sink: 'discard',
};

/** One row of a table of ICMP names. The first row of a number is the name printed. */
type IcmpType = readonly [name: string, type: number];
type IcmpCode = readonly [name: string, type: number, code: number];

const ICMP_TYPES: readonly IcmpType[] = [
  ['echoreq', 8],
  ['echorep', 0],
  ['unreach', 3],
  ['squench', 4],
  ['redir', 5],
  ['althost', 6],
  ['routeradv', 9],
  ['routersol', 10],
  ['timex', 11],
  ['paramprob', 12],
  ['timereq', 13],
  ['timerep', 14],
  ['inforeq', 15],
  ['inforep', 16],
  ['maskreq', 17],
  ['maskrep', 18],
  ['trace', 30],
  ['dataconv', 31],
  ['mobredir', 32],
  ['ipv6-where', 33],
  ['ipv6-here', 34],
  ['mobregreq', 35],
  ['mobregrep', 36],
  ['skip', 39],
  ['photuris', 40],
];

const ICMP6_TYPES: readonly IcmpType[] = [
  ['unreach', 1],
  ['toobig', 2],
  ['timex', 3],
  ['paramprob', 4],
  ['echoreq', 128],
  ['echorep', 129],
  ['groupqry', 130],
  ['listqry', 130],
  ['grouprep', 131],
  ['listenrep', 131],
  ['groupterm', 132],
  ['listendone', 132],
  ['routersol', 133],
  ['routeradv', 134],
  ['neighbrsol', 135],
  ['neighbradv', 136],
  ['redir', 137],
  ['routrrenum', 138],
  ['wrureq', 139],
  ['wrurep', 140],
  ['fqdnreq', 139],
  ['fqdnrep', 140],
  ['niqry', 139],
  ['nirep', 140],
  ['mtraceresp', 200],
  ['mtrace', 201],
];

const ICMP_CODES: readonly IcmpCode[] = [
  ['net-unr', 3, 0],
  ['host-unr', 3, 1],
  ['proto-unr', 3, 2],
  ['port-unr', 3, 3],
  ['needfrag', 3, 4],
  ['srcfail', 3, 5],
  ['net-unk', 3, 6],
  ['host-unk', 3, 7],
  ['isolate', 3, 8],
  ['net-prohib', 3, 9],
  ['host-prohib', 3, 10],
  ['net-tos', 3, 11],
  ['host-tos', 3, 12],
  ['filter-prohib', 3, 13],
  ['host-preced', 3, 14],
  ['cutoff-preced', 3, 15],
  ['redir-net', 5, 0],
  ['redir-host', 5, 1],
  ['redir-tos-net', 5, 2],
  ['redir-tos-host', 5, 3],
  ['normal-adv', 9, 0],
  ['common-adv', 9, 16],
  ['transit', 11, 0],
  ['reassemb', 11, 1],
  ['badhead', 12, 0],
  ['optmiss', 12, 1],
  ['badlen', 12, 2],
  ['unknown-ind', 40, 1],
  ['auth-fail', 40, 2],
  ['decrypt-fail', 40, 3],
];

const ICMP6_CODES: readonly IcmpCode[] = [
  ['admin-unr', 1, 1],
  ['noroute-unr', 1, 0],
  ['notnbr-unr', 1, 2],
  ['beyond-unr', 1, 2],
  ['addr-unr', 1, 3],
  ['port-unr', 1, 4],
  ['transit', 3, 0],
  ['reassemb', 3, 1],
  ['badhead', 4, 0],
  ['nxthdr', 4, 1],
  ['redironlink', 137, 0],
  ['redirrouter', 137, 1],
];

/** The number of an ICMP (or ICMPv6) type, or undefined. */
export function icmpTypeByName(name: string, family: Family): number | undefined {
  return (family === INET6 ? ICMP6_TYPES : ICMP_TYPES).find((row) => row[0] === name)?.[1];
}

export function icmpTypeName(type: number, family: Family): string | undefined {
  return (family === INET6 ? ICMP6_TYPES : ICMP_TYPES).find((row) => row[1] === type)?.[0];
}

/** The number of a code of `type`, or undefined. */
export function icmpCodeByName(name: string, type: number, family: Family): number | undefined {
  return (family === INET6 ? ICMP6_CODES : ICMP_CODES).find((row) => row[0] === name && row[1] === type)?.[2];
}

export function icmpCodeName(type: number, code: number, family: Family): string | undefined {
  return (family === INET6 ? ICMP6_CODES : ICMP_CODES).find((row) => row[1] === type && row[2] === code)?.[0];
}

/** Types of service that have a name in every dialect. */
export const TOS_NAMES: Readonly<Record<string, number>> = {
  lowdelay: 0x10,
  throughput: 0x08,
  reliability: 0x04,
};

/** Differentiated services that today's OpenBSD also knows by name (RFC 2474, 2597, 3246). */
export const DSCP_NAMES: Readonly<Record<string, number>> = {
  critical: 0xa0,
  inetcontrol: 0xc0,
  netcontrol: 0xe0,
  ef: 0xb8,
  ...Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 7].map((n) => [`cs${n}`, n << 5])),
  ...Object.fromEntries(
    [1, 2, 3, 4].flatMap((n) => [1, 2, 3].map((drop) => [`af${n}${drop}`, (8 * n + 2 * drop) << 2])),
  ),
};

export interface TimeoutName {
  readonly name: string;
  /** Seconds, save the two adaptive ones, which count states. */
  readonly defaults: Readonly<Record<Dialect, number>>;
  /** 's', or ' states' for a count. */
  readonly unit: string;
}

/** One value for each dialect. */
function byDialect<T>(classic: T, openbsd: T, freebsd: T): Readonly<Record<Dialect, T>> {
  return { 'openbsd-2008': classic, openbsd, freebsd, 'freebsd-15': freebsd };
}

function timeout(name: string, value: number, today = value, unit = 's'): TimeoutName {
  return { name, unit, defaults: byDialect(value, today, value) };
}

/** Timeouts in the order of `pfctl -s timeouts`. */
export const TIMEOUTS: readonly TimeoutName[] = [
  timeout('tcp.first', 120),
  timeout('tcp.opening', 30),
  timeout('tcp.established', 86400),
  timeout('tcp.closing', 900),
  timeout('tcp.finwait', 45),
  timeout('tcp.closed', 90),
  timeout('tcp.tsdiff', 30),
  timeout('udp.first', 60),
  timeout('udp.single', 30),
  timeout('udp.multiple', 60),
  timeout('icmp.first', 20),
  timeout('icmp.error', 10),
  timeout('other.first', 60),
  timeout('other.single', 30),
  timeout('other.multiple', 60),
  timeout('frag', 30, 60),
  timeout('interval', 10),
  timeout('adaptive.start', 6000, 60000, ' states'),
  timeout('adaptive.end', 12000, 120000, ' states'),
  timeout('src.track', 0),
];

/** What `set optimization NAME` sets. */
export const OPTIMIZATIONS: Readonly<Record<string, Readonly<Record<string, number>>>> = (() => {
  const preset = (...values: readonly number[]) =>
    Object.fromEntries(values.map((value, i) => [TIMEOUTS[i]!.name, value]));
  const highLatency = preset(180, 35, 86400, 905, 50, 95, 60);
  return {
    normal: preset(120, 30, 86400, 900, 45, 90, 30),
    satellite: highLatency,
    'high-latency': highLatency,
    conservative: preset(3600, 900, 432000, 3600, 600, 180, 60),
    aggressive: preset(30, 5, 18000, 60, 30, 30, 10),
  };
})();

export interface LimitName {
  readonly name: string;
  /** Absent where the dialect has no such limit. */
  readonly defaults: Readonly<Partial<Record<Dialect, number>>>;
}

/** Limits in the order of `pfctl -s memory`. */
export const LIMITS: readonly LimitName[] = [
  { name: 'states', defaults: byDialect(10000, 100000, 100000) },
  { name: 'src-nodes', defaults: byDialect(10000, 10000, 10000) },
  { name: 'frags', defaults: byDialect(5000, 65536, 5000) },
  { name: 'tables', defaults: byDialect(1000, 1000, 1000) },
  { name: 'table-entries', defaults: byDialect(200000, 200000, 200000) },
  { name: 'pktdelay-pkts', defaults: { openbsd: 10000 } },
  { name: 'anchors', defaults: { openbsd: 512 } },
];

/** Why a packet was dropped, by number (PFRES_*); the last two exist in today's OpenBSD only. */
export const REASONS = [
  'match',
  'bad-offset',
  'fragment',
  'short',
  'normalize',
  'memory',
  'bad-timestamp',
  'congestion',
  'ip-option',
  'proto-cksum',
  'state-mismatch',
  'state-insert',
  'state-limit',
  'src-limit',
  'synproxy',
  'translate',
  'no-route',
] as const;
export type Reason = (typeof REASONS)[number];

/** Number of reasons that a dialect counts and prints. */
export const REASON_COUNT: Readonly<Record<Dialect, number>> = byDialect(15, 17, 15);

/** Counters of the limits (LCNT_*); the last three exist in today's OpenBSD only. */
export const LIMIT_COUNTERS = [
  'max states per rule',
  'max-src-states',
  'max-src-nodes',
  'max-src-conn',
  'max-src-conn-rate',
  'overload table insertion',
  'overload flush states',
  'synfloods detected',
  'syncookies sent',
  'syncookies validated',
] as const;
export type LimitCounter = (typeof LIMIT_COUNTERS)[number];

export const LIMIT_COUNTER_COUNT: Readonly<Record<Dialect, number>> = byDialect(7, 10, 7);

/** `set debug` levels, least talkative first. */
export const DEBUG_LEVELS: Readonly<Record<Dialect, readonly string[]>> = byDialect(
  ['none', 'urgent', 'misc', 'loud'],
  ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'],
  ['none', 'urgent', 'misc', 'loud'],
);

export const DEFAULT_DEBUG: Readonly<Record<Dialect, string>> = byDialect('urgent', 'err', 'urgent');

/** States of a TCP peer by number (tcp_fsm.h), and the two of synproxy. */
export const TCP_STATES = [
  'CLOSED',
  'LISTEN',
  'SYN_SENT',
  'SYN_RCVD',
  'ESTABLISHED',
  'CLOSE_WAIT',
  'FIN_WAIT_1',
  'CLOSING',
  'LAST_ACK',
  'FIN_WAIT_2',
  'TIME_WAIT',
  'PROXY_SRC',
  'PROXY_DST',
] as const;

/** States of a peer of UDP and other protocols by number. */
export const PEER_STATES = ['NO_TRAFFIC', 'SINGLE', 'MULTIPLE'] as const;

/** The uid and gid of a packet without a local socket: `user unknown`. */
export const UNKNOWN_ID = 0xffffffff;

/** Source ports that nat chooses from unless told otherwise. */
export const NAT_PORT_LOW = 50001;
export const NAT_PORT_HIGH = 65535;
