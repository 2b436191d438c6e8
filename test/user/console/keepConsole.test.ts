// SPDX-License-Identifier: ISC
//
// The console of a machine on its own terminal: what is opened after it was left, and after it has broken down.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepConsole } from '../../../appliance/user/console/keepConsole.ts';

/** Runs a console that is left (`left`) or breaks down at each opening, and is over then. Tells what happened in order. */
async function run(screens: boolean, endings: readonly ('left' | 'broken')[]): Promise<readonly string[]> {
  const events: string[] = [];
  let opened = 0;
  const isLeft = await keepConsole({
    screens,
    open: async (onScreens) => {
      events.push(onScreens ? 'screens' : 'prompt');
      if (endings[opened++] === 'broken') throw new Error('defect');
    },
    isOver: () => opened === endings.length,
    say: (line) => events.push(`says ${line.split(' ', 3).join(' ')}`),
    log: (text) => events.push(`logs ${text.split('\n')[0]}`),
  });
  return [...events, isLeft ? 'over' : 'given up'];
}

test('a console that is left is opened again', async () => {
  assert.deepEqual(await run(true, ['left', 'left']), ['screens', 'screens', 'over']);
  assert.deepEqual(await run(false, ['left']), ['prompt', 'over']);
});

test('screens that break down: a sentence and a prompt, and screens again when that is left', async () => {
  const fallen = ['screens', 'logs Error: defect', 'says The screens broke'];
  assert.deepEqual(await run(true, ['broken', 'left', 'left']), [...fallen, 'prompt', 'screens', 'over']);
  assert.deepEqual(await run(true, ['broken', 'left', 'broken', 'left']), [
    ...fallen,
    'prompt',
    ...fallen,
    'prompt',
    'over',
  ]);
});

test('a prompt that breaks down: nothing is opened any more, and the machine need not end', async () => {
  assert.deepEqual(await run(true, ['broken', 'broken', 'left']), [
    'screens',
    'logs Error: defect',
    'says The screens broke',
    'prompt',
    'logs Error: defect',
    'says The prompt broke',
    'given up',
  ]);
});
