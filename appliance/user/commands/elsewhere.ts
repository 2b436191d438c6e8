// SPDX-License-Identifier: ISC
//
// Commands of other systems that people type out of habit, and what does their work here.

import { nearest } from '../config/pf/nearest.ts';

const ADVICE: readonly (readonly [names: string, advice: string])[] = [
  ['ip', 'addresses are those of ifconfig, routes of route -n show, neighbors of arp -a and ndp -a'],
  ['ethtool iwconfig brctl bridge', 'interfaces are shown and set up by ifconfig'],
  [
    'iptables ip6tables nft ufw firewall-cmd ipfw',
    'pfctl -sr shows the rules; edit /etc/pf.conf and apply change them',
  ],
  ['conntrack', 'pfctl -ss and pftop show the states, pfctl -k ends them'],
  [
    'ipvsadm keepalived haproxy',
    'relayctl show summary shows the load balancer; edit /etc/relayd.conf and apply change it',
  ],
  ['ss lsof fstat', 'netstat -an shows the sockets'],
  [
    'service systemctl rcctl chkconfig',
    'daemons are named in /etc/rc.conf.local (relayd_flags=); edit it, then apply',
  ],
  ['netstart sh', 'apply puts what etc/ says into effect'],
  ['vi vim nvim nano mg ed emacs pico', 'edit FILE opens the editor, edit -x FILE your own'],
  ['sudo doas su', 'everybody is root here: leave it out'],
  ['shutdown poweroff', 'halt ends the machine, reboot boots it again'],
  ['logout quit bye', 'exit leaves the console'],
  ['journalctl syslog logread', 'dmesg prints the messages; F8 shows them as they come'],
  [
    'ps top htop vmstat systat',
    'pftop shows the states, netstat -s the counters; F2 to F8 are screens of what goes on',
  ],
  ['configure conf commit set enable write save', 'edit the files of /etc, check them, then apply'],
  ['show display', 'ifconfig, route -n show, pfctl -s rules, pfctl -s states and relayctl show summary do'],
  ['undo revert', 'rollback goes back to a version of the configuration, history lists them'],
  ['cp mv touch mkdir tee', 'cat FILE > OTHER copies a file and makes its directory, rm FILE removes one'],
  ['cd pwd', "paths begin at the machine's directory: ls /etc"],
  ['dir ll', "ls lists the machine's files"],
  ['cls reset', 'clear clears the screen'],
  ['apropos whatis info', 'man -k WORD searches the manual, help lists the commands'],
  ['dig nslookup host curl wget nc telnet ssh', 'there are no clients here but ping, traceroute and tcpdump'],
  ['nmap tshark wireshark', 'tcpdump shows what passes; F7 takes it apart'],
];

const BY_NAME: ReadonlyMap<string, string> = new Map(
  ADVICE.flatMap(([names, advice]) => names.split(' ').map((name) => [name, advice] as const)),
);

/** What to type instead of a command that there is not: a sentence without a stop. */
export function adviceFor(name: string, commands: readonly string[]): string {
  const path = name.slice(name.lastIndexOf('/') + 1);
  const known = BY_NAME.get(path);
  if (known !== undefined) return known;
  const meant = nearest(path, commands);
  return meant === undefined ? 'help lists the commands' : `did you mean ${meant}? help lists the commands`;
}
