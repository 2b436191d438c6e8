// SPDX-License-Identifier: ISC
//
// The operator's own editor ($VISUAL, $EDITOR, vi) on a text of the machine: on a copy that only the operator can read.

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** Resolves to the new text when the editor has ended well, else to undefined. */
export async function editElsewhere(path: string, text: string): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'rhine-edit-'));
  const copy = join(folder, basename(path));
  try {
    await writeFile(copy, text, { mode: 0o600 });
    return (await runEditor(copy)) === 0 ? await readFile(copy, 'utf8') : undefined;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function runEditor(copy: string): Promise<number> {
  const command = process.env.VISUAL || process.env.EDITOR || 'vi';
  // $EDITOR may have arguments, so a shell splits it, as everywhere.
  const editor = spawn('/bin/sh', ['-c', `${command} "$1"`, 'sh', copy], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    editor.once('error', reject);
    editor.once('exit', (code) => resolve(code ?? 1));
  });
}
