// SPDX-License-Identifier: ISC
//
// pflogd: what a rule logs is in the file, in the ring's order, readable again.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RingFile } from '../../../appliance/host/ringFile.ts';
import { readCaptureFile } from '../../../appliance/user/captureFrames.ts';
import { dissect } from '../../../appliance/user/dissect/dissect.ts';
import { parsePflogdFlags, startPflogd } from '../../../appliance/user/pflogd/pflogd.ts';
import { Filter } from '../../kernel/pf/filter.ts';
import { ip4, udp } from '../../support/packets.ts';
import { LEFT, RIGHT } from '../../support/router.ts';
import { settle } from '../../support/settle.ts';

const directory = mkdtempSync(join(tmpdir(), 'rhine-pflogd-'));
after(() => rmSync(directory, { recursive: true }));

test('a logged packet is written with its rule; what is not logged is not', async () => {
  const filter = new Filter('block log all\npass in on vr0 proto udp to port 53');
  const { host } = filter.router;
  host.call('interface.create', { name: 'pflog0' });
  const path = join(directory, 'pflog');
  const stop = await startPflogd({
    kernel: host.client,
    flags: { interface: 'pflog0', snaplen: 160 },
    booted: 1_700_000_000_000,
    open: (header) => new RingFile(path, header, { size: 100_000, keep: 2 }),
    complain: (error) => assert.fail(error),
  });
  filter.left(ip4({ source: LEFT, destination: RIGHT }, udp(1000, 99, 400)));
  filter.left(ip4({ source: LEFT, destination: RIGHT }, udp(1000, 53, 10)));
  await settle();
  await stop();
  const file = readCaptureFile(readFileSync(path))!;
  assert.equal(file.linkType, 117);
  const frames = [...file.frames];
  const lines = frames.map(({ bytes, wireLength }) =>
    dissect(file.linkType, bytes, 0, bytes.length, { numeric: true, ethernet: true, verbose: 0, wireLength }),
  );
  assert.equal(lines.length, 2, lines.join('\n'));
  assert.match(
    lines[0]!,
    /^rule 0\/\(match\) block in on vr0: 192\.0\.2\.9\.1000 > 198\.51\.100\.9\.99: udp 400/,
  );
  assert.match(lines[1]!, /^rule 0\/\(match\) block out on vr1: /, 'no rule passes it out');
  assert.equal(frames[0]!.bytes.length, 160);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('the ring keeps as many files as it should, each whole', () => {
  const path = join(directory, 'ring');
  const header = Uint8Array.of(1, 2, 3, 4);
  const ring = new RingFile(path, header, { size: 14, keep: 2 });
  for (let i = 0; i < 10; i++) ring.append(new Uint8Array(5).fill(i));
  ring.close();
  const names = readdirSync(directory).filter((name) => name.startsWith('ring'));
  assert.deepEqual(names.sort(), ['ring', 'ring.0', 'ring.1']);
  const digits = (name: string) =>
    [...readFileSync(join(directory, name))].filter((_, i) => i >= 4 && i % 5 === 4);
  assert.deepEqual(
    [digits('ring'), digits('ring.0'), digits('ring.1')],
    [
      [8, 9],
      [6, 7],
      [4, 5],
    ],
  );
  const again = new RingFile(path, header, { size: 14, keep: 2 });
  again.close();
  assert.deepEqual(digits('ring.0'), [8, 9], 'a file from before is kept');
});

test('flags', () => {
  assert.deepEqual(parsePflogdFlags([]), { interface: 'pflog0', snaplen: 160 });
  assert.deepEqual(parsePflogdFlags(['-s', '256', '-i', 'pflog1']), { interface: 'pflog1', snaplen: 256 });
  assert.match((parsePflogdFlags(['-s', '10']) as { problem: string }).problem, /64 to 65535/);
  assert.match((parsePflogdFlags(['-f', 'x']) as { problem: string }).problem, /not understood/);
});
