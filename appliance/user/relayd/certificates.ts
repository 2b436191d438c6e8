// SPDX-License-Identifier: ISC
//
// Certificates and keys of relays that listen with TLS: where they are looked for (relayd.md 6.3), and which are missing.

import type { RelaydConf, RelayListen, RelayStatement } from '../config/relayd/syntax.ts';

type ReadFile = (path: string) => Promise<string>;

/** A line for each listener without a certificate or a key. */
export async function missingCertificates(conf: RelaydConf, read: ReadFile): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const relay of conf.statements) {
    if (relay.kind !== 'relay' || keypairs(conf, relay).length > 0) continue;
    for (const listen of relay.listens) {
      if (!listen.tls) continue;
      const names = [`${listen.address}:${listen.port.low}`, listen.address];
      const found = await Promise.all(names.map((name) => hasPair(name, read)));
      if (!found.includes(true)) missing.push(warning(relay, listen));
    }
  }
  return missing;
}

/** Named key pairs of the relay's protocol, used instead of those named after the address. */
function keypairs(conf: RelaydConf, relay: RelayStatement): readonly unknown[] {
  return conf.statements.flatMap((one) => {
    if (one.kind !== 'protocol' || one.name !== relay.protocol) return [];
    return one.options.flatMap((option) =>
      option.kind === 'tls' ? option.options.filter((each) => each.name === 'keypair') : [],
    );
  });
}

async function hasPair(name: string, read: ReadFile): Promise<boolean> {
  const paths = [`/etc/ssl/${name}.crt`, `/etc/ssl/private/${name}.key`];
  const there = await Promise.all(
    paths.map((path) =>
      read(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return there.every((one) => one);
}

function warning(relay: RelayStatement, { address }: RelayListen): string {
  const { file, line } = relay.place;
  return `${file}:${line}: warning: relay ${relay.name}: no /etc/ssl/${address}.crt with /etc/ssl/private/${address}.key`;
}
