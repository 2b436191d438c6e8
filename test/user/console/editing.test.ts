// SPDX-License-Identifier: ISC
//
// Editing: a line with ksh's keys, the shell's prompt, the editor's document and its way back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  backspace,
  breakLine,
  cutLine,
  type Document,
  deleteAhead,
  documentOf,
  find,
  insertText,
  moveTo,
  pasteLine,
  step,
  textOf,
  Versions,
} from '../../../appliance/user/console/editor/document.ts';
import { highlight, wordsOf } from '../../../appliance/user/console/editor/highlight.ts';
import { problemOf } from '../../../appliance/user/console/editor/problems.ts';
import type { Key } from '../../../appliance/user/console/keys.ts';
import { EMPTY_LINE, editLine, type LineState, lineOf } from '../../../appliance/user/console/lineEdit.ts';
import { inColumns, Prompt } from '../../../appliance/user/console/shell/prompt.ts';
import { Scrollback } from '../../../appliance/user/console/shell/scrollback.ts';

const typed = (text: string): readonly Key[] =>
  [...text].map((character) => ({ name: character, character }));
const named = (...names: readonly string[]): readonly Key[] => names.map((name) => ({ name }));

function edited(text: string, ...keys: readonly string[]): string {
  let line: LineState = lineOf(text);
  for (const key of named(...keys)) line = editLine(line, key)!;
  return `${line.text.slice(0, line.cursor)}|${line.text.slice(line.cursor)}`;
}

test('the keys of a line', () => {
  for (const [keys, result] of [
    [['C-a'], '|pfctl -sr all'],
    [['M-b'], 'pfctl -sr |all'],
    [['M-b', 'M-b'], 'pfctl -|sr all'],
    [['C-a', 'M-f'], 'pfctl| -sr all'],
    [['C-w'], 'pfctl -sr |'],
    [['C-w', 'C-w', 'C-y'], 'pfctl -sr |'],
    [['M-b', 'C-k', 'C-a', 'C-y'], 'all|pfctl -sr '],
    [['C-u'], '|'],
    [['C-a', 'C-d', 'delete'], '|ctl -sr all'],
    [['left', 'backspace'], 'pfctl -sr a|l'],
    [['C-a', 'backspace', 'left', 'M-b', 'C-w'], '|pfctl -sr all'],
    [['home', 'right', 'C-t'], 'fp|ctl -sr all'],
  ] as const) {
    assert.equal(edited('pfctl -sr all', ...keys), result, keys.join(' '));
  }
  assert.equal(editLine(EMPTY_LINE, { name: 'f5' }), undefined);
});

async function press(prompt: Prompt, ...keys: readonly Key[]): Promise<string> {
  let kind = '';
  for (const key of keys) ({ kind } = await prompt.press(key));
  return kind;
}

test('earlier lines, and the one that was being typed behind them', async () => {
  const prompt = new Prompt({ text: '# ', secret: false, history: ['one', 'two'] });
  await press(prompt, ...typed('new'), ...named('up'));
  assert.equal(prompt.shown, '# two');
  await press(prompt, ...named('up', 'up'));
  assert.equal(prompt.shown, '# one');
  await press(prompt, ...named('down', 'down'));
  assert.equal(prompt.shown, '# new');
});

test('C-r searches back, again goes further, a key goes on with what was found', async () => {
  const history = ['ping ten', 'date', 'ping nine'];
  const prompt = new Prompt({ text: '# ', secret: false, history });
  await press(prompt, ...named('C-r'), ...typed('pin'));
  assert.equal(prompt.shown, "(reverse-i-search) 'pin': ping nine");
  await press(prompt, ...named('C-r'));
  assert.equal(prompt.shown, "(reverse-i-search) 'pin': ping ten");
  assert.deepEqual(await prompt.press({ name: 'enter' }), { kind: 'entered', line: 'ping ten' });
});

test('Tab completes what is common, then lists', async () => {
  const complete = async () => ({ from: 0, candidates: [{ text: 'ping' }, { text: 'ping6' }], expected: [] });
  const prompt = new Prompt({ text: '# ', secret: false, history: [], complete });
  assert.equal(await press(prompt, ...typed('p'), ...named('tab')), 'changed');
  assert.equal(prompt.shown, '# ping');
  assert.deepEqual(await prompt.press({ name: 'tab' }), { kind: 'candidates', texts: ['ping', 'ping6'] });
  assert.deepEqual(inColumns(['a', 'bb', 'c'], 8), ['a   c', 'bb']);
});

test('what is secret is not shown, nor how long it is', async () => {
  const prompt = new Prompt({ text: 'Password:', secret: true, history: [] });
  await press(prompt, ...typed('sesame'));
  assert.equal(prompt.shown, 'Password:');
  assert.equal(prompt.cursor, 9);
  assert.deepEqual(await prompt.press({ name: 'enter' }), { kind: 'entered', line: 'sesame' });
  assert.equal(await press(prompt, { name: 'C-c' }), 'given up');
  assert.equal(
    await press(new Prompt({ text: '', secret: false, history: [] }), { name: 'C-d' }),
    'end of input',
  );
});

test('the scrollback wraps at any width, and keeps a bounded number of lines', () => {
  const scrollback = new Scrollback();
  scrollback.write('abcdef\nsecond');
  const seen = (width: number, height: number, back = 0, live?: string) =>
    scrollback.rows(width, height, back, live).map((cells) => cells.map(({ text }) => text).join(''));
  assert.deepEqual(seen(4, 10), ['abcd', 'ef', 'seco', 'nd']);
  assert.deepEqual(seen(80, 10, 0, '# x'), ['abcdef', 'second# x']);
  assert.deepEqual(seen(4, 2, 1), ['ef', 'seco']);
  for (let i = 0; i < 50_000; i++) scrollback.line('x');
  assert.ok(scrollback.length <= 5_500);
});

test('a document is what was read, and ends its last line', () => {
  for (const text of ['', 'a\n', 'a\n\n', '\n\nb\n']) assert.equal(textOf(documentOf(text)), text);
  assert.equal(textOf(documentOf('a')), 'a\n');
});

test('lines are broken, joined, cut and put back', () => {
  const document = moveTo(documentOf('\tpass in\nblock\n'), 0, 5);
  const broken = breakLine(document);
  assert.deepEqual(broken.lines, ['\tpass', '\t in', 'block']);
  assert.deepEqual([broken.line, broken.column], [1, 1]);
  assert.deepEqual(backspace(backspace(broken)).lines, ['\tpass in', 'block']);
  assert.deepEqual(deleteAhead(moveTo(document, 0, 99)).lines, ['\tpass inblock']);
  const { document: rest, cut } = cutLine(document);
  assert.deepEqual(rest.lines, ['block']);
  assert.deepEqual(pasteLine(moveTo(rest, 0, 0), cut).lines, ['\tpass in', 'block']);
  assert.deepEqual(cutLine(documentOf('only\n')).document.lines, ['']);
  assert.deepEqual(step(moveTo(document, 0, 99), 1), { ...document, line: 1, column: 0 });
});

test('searching goes round', () => {
  const document = moveTo(documentOf('pass\nblock\npass\n'), 0, 0);
  const second = find(document, 'pass')!;
  assert.deepEqual([second.line, second.column], [2, 0]);
  assert.equal(find(second, 'pass')!.line, 0);
  assert.equal(find(document, 'nowhere'), undefined);
});

test('undo leads back through any changes, and redo forth again', () => {
  const change = fc.constantFrom<(document: Document) => Document>(
    (document) => insertText(document, 'x'),
    breakLine,
    backspace,
    deleteAhead,
    (document) => cutLine(document).document,
    (document) => step(document, -1),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const first = documentOf('pass in\nblock\n');
      const versions = new Versions();
      let document = first;
      for (const [i, one] of changes.entries()) {
        versions.changing(document, String(i));
        document = one(document);
        assert.ok(document.lines.length > 0 && document.line < document.lines.length);
        assert.ok(document.column <= document.lines[document.line]!.length);
      }
      const last = document;
      for (const _ of changes) document = versions.undo(document);
      assert.deepEqual(document, first);
      for (const _ of changes) document = versions.redo(document);
      assert.deepEqual(document, last);
    }),
  );
});

test('letters typed in one go are one step back', () => {
  const versions = new Versions();
  let document = documentOf('');
  for (const letter of 'pass') {
    versions.changing(document, 'typing');
    document = insertText(document, letter);
  }
  assert.equal(textOf(versions.undo(document)), '');
});

test('colours of a line lose no character', () => {
  const line = 'pass in on $ext from <web> label "a # b" # why "not';
  const cells = highlight(line, wordsOf('/etc/pf.conf'));
  assert.equal(cells.map(({ text }) => text).join(''), line);
  const styles = new Map(cells.map(({ text, style }) => [text, style]));
  assert.equal(styles.get('pass'), 'strong');
  assert.equal(styles.get('$ext'), 'warn');
  assert.equal(styles.get('"a # b"'), 'good');
  assert.equal(styles.get('# why "not'), 'faint');
});

test('problems stand at their line; those of other files have none here', () => {
  assert.deepEqual(problemOf('stdin:3: syntax error', '/etc/pf.conf'), { line: 3, text: 'syntax error' });
  assert.deepEqual(problemOf('/etc/x:3: wrong', '/etc/pf.conf'), { line: 0, text: '/etc/x:3: wrong' });
});
