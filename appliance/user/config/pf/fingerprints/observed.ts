// SPDX-License-Identifier: ISC
//
// The fingerprints that a machine has without an /etc/pf.os of its own: looks of SYNs that this project has seen and tests still see.

/** As pf.os(5) has it. */
export const OBSERVED = `
# Linux 6.18, IPv4 and IPv6, over Ethernet, with and without timestamps
S44:64:1:60:M*,S,T,N,W*:Linux:6.x::Linux 6
S45:64:1:60:M*,S,T,N,W*:Linux:6.x::Linux 6, IPv6
S44:64:1:52:M*,N,N,S,N,W*:Linux:6.x:notimestamps:Linux 6 without timestamps
S45:64:1:52:M*,N,N,S,N,W*:Linux:6.x:notimestamps:Linux 6 without timestamps, IPv6

# this appliance
65535:64:1:64:M*,N,W3,N,N,S,N,N,T:rhine:::rhine's own TCP

# nmap 7.93 -sS; its TTL is random, and over IPv6 as the system has it
1024:60:0:44:M1460:NMAP:syn scan::nmap -sS
1024:255:1:44:M1460:NMAP:syn scan::nmap -6 -sS

# hping3 3.0 -S
512:64:0:40:.:hping:3::hping3 -S
`;
