// SPDX-License-Identifier: ISC
//
// The row of integers that a compiled rule is (struct pf_rule as the kernel reads it): where what stands in it.
//
// Names are numbers in the list's tables of names; where a field may be absent, 0 says so.

/** ACTION_*. */
export const ACTION = 0;
/** OPTION_*. */
export const OPTIONS = 1;
/** 1 in, 2 out, as filter.ts has them. */
export const DIRECTION = 2;
export const FAMILY = 3;
export const PROTOCOL = 4;
/** Number of an interface's name, plus 1. */
export const INTERFACE = 5;
/** Two hosts of HOST_WORDS each. */
export const SOURCE = 6;
export const DESTINATION = 20;
export const FLAGS_SET = 34;
export const FLAGS_MASK = 35;
/** Type and code, each plus 1. */
export const ICMP_TYPE = 36;
export const ICMP_CODE = 37;
/** Plus 1. */
export const TOS = 38;
/** Number of a tag's name, plus 1. */
export const TAGGED = 39;
/** Number of an interface's name, plus 1. */
export const RECEIVED = 40;
/** Of 2^32; 0 always matches. */
export const PROBABILITY = 41;
/** Operator, low, high. */
export const USER = 42;
export const GROUP = 45;
/** OS_UNKNOWN, or the number of a system's name plus OS_NAMED; 0 for any. */
export const OS = 48;
/** Plus 1. */
export const PRIORITY = 49;
/** Plus 1. */
export const ROUTING_DOMAIN = 50;
export const ROW_WORDS = 51;

/** A host within a row. */
export const HOST_KIND = 0;
/** 1 for `!`. */
export const HOST_NEGATED = 1;
/** Number of a table, label or dynamic address. */
export const HOST_NAME = 2;
export const HOST_OPERATOR = 3;
export const HOST_PORT_LOW = 4;
export const HOST_PORT_HIGH = 5;
/** Network and mask of a prefix, first and last of a range: four words each; IPv4 uses the first. */
export const HOST_LOW = 6;
export const HOST_HIGH = 10;

export const ACTION_PASS = 0;
export const ACTION_BLOCK = 1;
export const ACTION_MATCH = 2;
export const ACTION_ANCHOR = 3;
export const ACTION_TRANSLATE = 4;
export const ACTION_SCRUB = 5;

export const OPTION_QUICK = 1;
export const OPTION_INTERFACE_NEGATED = 2;
export const OPTION_TAGGED_NEGATED = 4;
export const OPTION_RECEIVED_NEGATED = 8;
/** `on any`, `received-on any`: every interface but loopback. */
export const OPTION_ON_ANY = 16;
export const OPTION_RECEIVED_ANY = 32;
export const OPTION_FRAGMENT = 64;
/** Keeps state, and not a sloppy one: today, replies of ICMP do not match it. */
export const OPTION_STRICT_STATE = 128;

/** How a host is tested. */
export const HOST_ANY = 0;
export const HOST_PREFIX4 = 1;
export const HOST_PREFIX6 = 2;
export const HOST_RANGE4 = 3;
export const HOST_RANGE6 = 4;
export const HOST_TABLE = 5;
export const HOST_DYNAMIC = 6;
export const HOST_NO_ROUTE = 7;
export const HOST_URPF_FAILED = 8;
export const HOST_ROUTE_LABEL = 9;

/** How a number is tested (PF_OP_*). */
export const OPERATOR_NONE = 0;
export const OPERATOR_EQUAL = 1;
export const OPERATOR_NOT = 2;
export const OPERATOR_LESS = 3;
export const OPERATOR_LESS_EQUAL = 4;
export const OPERATOR_GREATER = 5;
export const OPERATOR_GREATER_EQUAL = 6;
export const OPERATOR_INSIDE = 7;
export const OPERATOR_OUTSIDE = 8;
export const OPERATOR_RANGE = 9;

/** `unknown` is every packet that no fingerprint is of. */
export const OS_UNKNOWN = 1;
export const OS_NAMED = 2;

/** A number against an operator and its bounds (pf_match). */
export function matchesNumber(operator: number, low: number, high: number, value: number): boolean {
  switch (operator) {
    case OPERATOR_NONE:
      return true;
    case OPERATOR_EQUAL:
      return value === low;
    case OPERATOR_NOT:
      return value !== low;
    case OPERATOR_LESS:
      return value < low;
    case OPERATOR_LESS_EQUAL:
      return value <= low;
    case OPERATOR_GREATER:
      return value > low;
    case OPERATOR_GREATER_EQUAL:
      return value >= low;
    case OPERATOR_INSIDE:
      return value > low && value < high;
    case OPERATOR_OUTSIDE:
      return value < low || value > high;
    default:
      return value >= low && value <= high;
  }
}
