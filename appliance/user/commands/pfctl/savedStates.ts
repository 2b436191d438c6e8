// SPDX-License-Identifier: ISC
//
// `pfctl -S file` and `-L file`: the state table goes to a file, and comes back.

import * as saved from '../../../wire/savedStates.ts';
import { fileProblem } from '../../config/pf/loadPfConf.ts';
import { Failure, type Session } from './session.ts';

/** About as much as a call of the kernel takes at once. */
const CHUNK = 256 * 1024;

/** All of the file is new, or nothing. */
export async function saveStates(session: Session, file: string): Promise<void> {
  const { context, kernel } = session;
  const writer = await context.files.create(file, { whole: true });
  const header = new Uint8Array(saved.HEADER_LENGTH);
  saved.writeHeader(header, 0, context.clock.now());
  await writer.write(header);
  let total = 0;
  for (let cursor: number | undefined = 0; cursor !== undefined; ) {
    const page: { bytes: Uint8Array; count: number; next?: number } = await kernel.call('pf.saveStates', {
      cursor,
    });
    await writer.write(page.bytes);
    total += page.count;
    cursor = page.next;
  }
  const trailer = new Uint8Array(saved.TRAILER_LENGTH);
  saved.writeTrailer(trailer, 0, total);
  await writer.write(trailer);
  await writer.close();
  session.say(`${total} states saved`);
}

export async function loadStates(session: Session, file: string): Promise<void> {
  const { context, kernel } = session;
  const bytes = await context.files.readBytes(file).catch((error: Error) => {
    throw new Failure(`${file}: ${fileProblem(error)}`);
  });
  const time = saved.time(bytes);
  const end = saved.endOfRecords(bytes);
  if (time === undefined) throw new Failure(`${file}: no file that pfctl -S has written`);
  if (end === undefined) throw new Failure(`${file}: it is damaged; no state was restored`);
  const elapsed = Math.max(0, Math.round((context.clock.now() - time) / 1000));
  let restored = 0;
  let left = 0;
  for (let at = saved.HEADER_LENGTH; at < end; ) {
    const from = at;
    while (at < end && at - from < CHUNK) at = saved.recordEnd(bytes, at);
    const answer = await kernel.call('pf.restoreStates', { bytes: bytes.slice(from, at), elapsed });
    restored += answer.restored;
    left += answer.left;
  }
  session.say(`${restored} states restored${left === 0 ? '' : `, ${left} left out`}`);
}
