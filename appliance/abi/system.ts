// SPDX-License-Identifier: ISC
//
// The kernel's settings and statistics: what sysctl(8) and `netstat -s` show.

/** Settings by their sysctl(8) names, all integers, with their defaults. */
export const SYSCTLS = {
  'net.inet.ip.forwarding': 0,
  'net.inet.ip.redirect': 1,
  'net.inet.ip.ttl': 64,
  'net.inet.ip.directed-broadcast': 0,
  'net.inet.ip.sourceroute': 0,
  'net.inet.ip.maxqueue': 300,
  'net.inet.ip.mtudisc': 1,
  'net.inet.icmp.bmcastecho': 0,
  'net.inet.icmp.errppslimit': 100,
  'net.inet.icmp.rediraccept': 0,
  'net.inet.icmp.maskrepl': 0,
  'net.inet.tcp.sack': 1,
  'net.inet.tcp.rfc1323': 1,
  'net.inet.tcp.keepidle': 14400,
  'net.inet.tcp.keepintvl': 150,
  'net.inet.tcp.mssdflt': 512,
  'net.inet.udp.checksum': 1,
  'net.inet.carp.allow': 1,
  'net.inet.carp.preempt': 0,
  'net.inet.carp.log': 2,
  'net.inet6.ip6.forwarding': 0,
  'net.inet6.ip6.hlim': 64,
  'net.inet6.ip6.redirect': 1,
  'net.inet6.ip6.dad_count': 1,
  'net.inet6.ip6.maxfragpackets': 200,
  'net.inet6.icmp6.errppslimit': 100,
  'net.inet6.icmp6.rediraccept': 0,
  'net.inet6.icmp6.nd6_delay': 5,
  'net.inet6.icmp6.nd6_umaxtries': 3,
  'net.inet6.icmp6.nd6_mmaxtries': 3,
} as const;
export type SysctlName = keyof typeof SYSCTLS;

export interface SystemCalls {
  'sysctl.get': [{ readonly name?: SysctlName }, Readonly<Partial<Record<SysctlName, number>>>];
  'sysctl.set': [{ readonly name: SysctlName; readonly value: number }, { readonly previous: number }];
  /** All protocol counters that are not zero (all of them with `all`): group ('ip', 'tcp', …) to counter to value. */
  'system.statistics': [
    { readonly all?: boolean },
    Readonly<Record<string, Readonly<Record<string, number>>>>,
  ];
  'system.time': [Record<string, never>, { readonly uptime: number }];
}

export interface SystemEvents {
  /** A line for the console and the log: what printf in the original's kernel says. */
  'system.log': { readonly level: 'info' | 'notice' | 'warning' | 'error'; readonly text: string };
}
