// SPDX-License-Identifier: ISC
//
// A lab that is up, seen by those who use it: the same whether its hosts are namespaces or kernels in this process.

/** A capture file that grows while the lab is up. */
export interface Capture {
  readonly host: string;
  readonly interface: string;
  readonly file: string;
}

/** A station of a segment: whose Ethernet address this is. */
export interface Station {
  readonly host: string;
  readonly interface: string;
  readonly segment: string;
  readonly linkAddress: string;
}

/** What a fetch from a host brought. */
export interface Fetched {
  readonly status: number;
  readonly body: string;
  /** Where the connection came from and went to. */
  readonly local: { readonly address: string; readonly port: number };
  readonly remote: { readonly address: string; readonly port: number };
}

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Network {
  /** One sentence: on what this lab runs. */
  readonly carrier: string;
  readonly stations: readonly Station[];
  readonly captures: readonly Capture[];
  /** GET `url` from `host`; rejects when there is no answer. */
  fetch(host: string, url: string): Promise<Fetched>;
  /** Runs a rhine command on an appliance of the lab. */
  command(host: string, args: readonly string[]): Promise<CommandResult>;
  /** Makes sure that the capture files hold what has been seen so far. */
  flushCaptures(): Promise<void>;
  down(): Promise<void>;
}
