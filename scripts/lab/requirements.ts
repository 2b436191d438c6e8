// SPDX-License-Identifier: ISC
//
// What a lab with TAPs needs of the machine, and the sentence for each thing that is missing.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';

/** Set in the environment of the copy of ourselves that runs inside a user namespace. */
export const IN_USER_NAMESPACE = 'RHINE_IN_USER_NAMESPACE';

/** What is missing for good, in a sentence that says how to get it; undefined when the programs are there. */
export function missingProgram(): string | undefined {
  if (process.platform !== 'linux')
    return `TAP devices and network namespaces are Linux's; this is ${process.platform}.`;
  if (!runs('ip', ['-V'])) return "The program 'ip' is missing (Debian: apt-get install iproute2).";
  if (!runs('unshare', ['-V']) || !runs('setpriv', ['-V']) || !runs('nsenter', ['-V'])) {
    return "The programs 'unshare', 'nsenter' and 'setpriv' are missing (Debian: apt-get install util-linux).";
  }
  return undefined;
}

/** Why no TAP is to be had here, or undefined. */
export function noTap(): string | undefined {
  if (!existsSync('/dev/net/tun')) {
    return '/dev/net/tun does not exist (as root: modprobe tun, or give the container the device).';
  }
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    return '/dev/net/tun may not be opened by this user (as root: chmod 0666 /dev/net/tun, or run as root).';
  }
  return undefined;
}

/** Whether network namespaces can be made as we are; if not, whether a user namespace would allow it. */
export function privilege(): 'enough' | 'with user namespace' | 'none' {
  if (runs('unshare', ['--net', '--', 'ip', 'link', 'set', 'lo', 'up'])) return 'enough';
  if (runs('unshare', ['--user', '--map-root-user', '--net', '--', 'ip', 'link', 'set', 'lo', 'up'])) {
    return 'with user namespace';
  }
  return 'none';
}

export const NO_PRIVILEGE =
  'Network namespaces are not allowed: neither as this user nor in a user namespace of its own (run as root, or as root: sysctl kernel.unprivileged_userns_clone=1).';

/** Whether an optional program is there. */
export function isInstalled(program: string): boolean {
  return runs('sh', ['-c', `command -v ${program}`]);
}

function runs(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}
