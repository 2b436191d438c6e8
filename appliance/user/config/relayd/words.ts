// SPDX-License-Identifier: ISC
//
// Reserved words of relayd.conf(5). A word that only one of the two languages reserves may still be a name, so that a file
// of the other one is read as it was meant.

const BOTH =
  'append backlog buffer ca cache check ciphers code cookie demote digest disable error expect file forward from hash ' +
  'header host icmp include inet inet6 interface interval ip label listen loadbalance log lookup mode nat no nodelay ' +
  'nothing on parent path port prefork protocol query redirect relay remove request response retry return roundrobin ' +
  'route sack script send session socket sticky-address style table tag tcp timeout to transparent trap url with';

const ONE =
  'agentx all binary block brief cert change changes checks client connection context destination ecdhe edh errors filter ' +
  'headerlen hosts http key keypair least-states level mark marked match method minttl ocsp params pass password pattern ' +
  'pflog pftag priority proxy-protocol quick random router rtable rtlabel set snmp source-hash splice ssl state strict strip ' +
  'tagged tickets tls ttl updates value verbose websockets';

/** Words of one language only. */
export const SOFT_WORDS: ReadonlySet<string> = new Set(ONE.split(' '));

export const RESERVED_WORDS: ReadonlySet<string> = new Set([...BOTH.split(' '), ...SOFT_WORDS]);

/** How the lexer is to read a relayd.conf. */
export const LEXICAL_TRAITS = {
  reserved: RESERVED_WORDS,
  joinedOperators: false,
  arrow: false,
  quotedBlankEscape: true,
};
