// SPDX-License-Identifier: ISC
//
// Where what stands in the record of a state (struct pf_state): 64 words. What a packet of a known IPv4 connection needs lies in the first
// half, two lines of a cache that are fetched together; with a million states that is most of what the packet costs.

export const RECORD_WORDS = 64;

/** The wire side: what the cable of the interface shows. The stack side, what the rest of the machine sees, lies further down. */
export const WIRE = 0;
/** Within a side: ports (first << 16 | second), family << 8 | protocol, the first words of both addresses, next in the hash. */
export const PORTS = 0;
export const KIND = 1;
export const ADDRESS_0 = 2;
export const ADDRESS_1 = 3;
export const NEXT = 4;

/** FLAG_*; the low two bits are the direction of the packet that made it. */
export const FLAGS = 5;
/** Index of the interface a state is bound to; 0 is floating. */
export const INTERFACE = 6;
/** Second of the packet that its timeout counts from. */
export const TOUCHED = 7;
/** Which timeout runs: a number of timeouts.ts. */
export const TIMEOUT = 8;
/** Number of the rule that made it. */
export const RULE = 9;
/**
 * Number plus 1 of the other state of a forwarded connection: who comes in by one leaves by the other (pf_state_key's reverse). Only a
 * hint, which `States.twin` checks; 0 for none.
 */
export const TWIN = 10;
/** Host id of the machine that made it. */
export const CREATOR = 11;
/** Who made it, and the other one: PEER_WORDS each. */
export const SOURCE = 12;
export const DESTINATION = 18;
/** Doubles, by their place in the Float64Array over the same memory: packets and bytes, in the direction of creation and back. */
export const COUNTERS = 12;

export const STACK = 32;
export const ROUTE = 37;
/** IPv6: words 1 to 3 of both addresses of each side. */
export const WIRE_REST = 41;
export const STACK_REST = 47;
export const CREATED = 53;
export const ID_HIGH = 54;
export const ID_LOW = 55;
/** Interface index of the chosen way, 0 for none. */
export const ROUTE_INTERFACE = 56;
/** Numbers of the outermost anchor call and of the translation rule; -1 for none. */
export const ANCHOR = 57;
export const NAT_RULE = 58;
/** Even while the record is free, odd while it is in use. */
export const GENERATION = 59;
/** Numbers of source nodes, 0 for none: of the rule's tracking, of translation, of the route. */
export const SOURCE_NODE = 60;
export const NAT_NODE = 61;
export const ROUTE_NODE = 62;
/** Number of the StateExtra, 0 for none. */
export const EXTRA = 63;

/** Words of a peer. */
export const PEER_WORDS = 6;
export const PEER_STATE = 0;
/** Highest sequence number sent, and the first that the other side does not allow. */
export const SEQ_LOW = 1;
export const SEQ_HIGH = 2;
/** Largest window announced, not scaled. */
export const MAX_WINDOW = 3;
/** Shift in the low four bits; WSCALE_SEEN when the option was there. MSS in the upper half (synproxy). */
export const WINDOW_SCALE = 4;
/** What is added to its sequence numbers on the way through. */
export const SEQ_DIFFERENCE = 5;

export const WSCALE_SEEN = 0x80;
export const SCALE_MASK = 0x0f;
export const MSS_SHIFT = 16;

export const FLAG_DIRECTION = 3;
export const FLAG_SLOPPY = 1 << 2;
/** The sides differ. */
export const FLAG_TRANSLATED = 1 << 3;
export const FLAG_LOG_ALL = 1 << 4;
export const FLAG_ALLOW_OPTIONS = 1 << 5;
export const FLAG_ROUTE_TO = 1 << 6;
export const FLAG_REPLY_TO = 1 << 7;
export const FLAG_DUP_TO = 1 << 8;
export const FLAG_NO_SYNC = 1 << 9;
/** A rule of it has tables in which its packets are counted. */
export const FLAG_TABLES = 1 << 10;
/** The handshake was counted for the source. */
export const FLAG_CONNECTED = 1 << 11;
export const FLAG_PFLOW = 1 << 12;
/** Something rare is in StateExtra. */
export const FLAG_EXTRA = 1 << 13;
/** Translated between families. */
export const FLAG_FAMILIES = 1 << 14;
/** More rules than RULE count its packets, or sources that are tracked. */
export const FLAG_MORE_RULES = 1 << 15;

/** A peer has told of the windows (pfsync); which of the two ends has been heard here since. */
export const FLAG_TOLD = 1 << 16;
export const FLAG_HEARD_SOURCE = 1 << 17;
export const FLAG_HEARD_DESTINATION = 1 << 18;
/** TCP, and the handshake is not complete. */
export const FLAG_HALF_OPEN = 1 << 19;
/** Another machine is asked to tell of the server's half (observed.ts); FLAG_SLOPPY as long as nobody does. */
export const FLAG_OBSERVED = 1 << 20;
/** Its rule has counted it: as one that is checked in full, as one that is sloppy. Only where the connection was made. */
export const FLAG_COUNTED_FULL = 1 << 21;
export const FLAG_COUNTED_SLOPPY = 1 << 22;
/** Its rule diverts its packets. */
export const FLAG_DIVERTED = 1 << 23;

/**
 * Whether a packet runs as the one that made the state. Both ways of a state between families come in, so that the family tells which
 * it is.
 */
export function isForward(records: Int32Array, at: number, direction: number, family: number): boolean {
  const flags = records[at + FLAGS]!;
  return (flags & FLAG_FAMILIES) === 0
    ? direction === (flags & FLAG_DIRECTION)
    : records[at + WIRE + KIND]! >>> 8 === family;
}
