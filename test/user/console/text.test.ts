// SPDX-License-Identifier: ISC
//
// Styled text, tables, lists, bars and numbers of the console: pure functions over what is to be seen.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyBar, tabAt, tabBar } from '../../../appliance/user/console/frame.ts';
import { ASCII, glyphsOf, sparkline, UNICODE } from '../../../appliance/user/console/glyphs.ts';
import { chooseInList, LIST_START, moveInList, settle } from '../../../appliance/user/console/list.ts';
import { bitRate, duration, scaled } from '../../../appliance/user/console/numbers.ts';
import { Rates } from '../../../appliance/user/console/rates.ts';
import { crop, printable, type Row, row, span, spread } from '../../../appliance/user/console/styled.ts';
import { type Column, table } from '../../../appliance/user/console/table.ts';
import { logRows, moveInLog, type TextLog } from '../../../appliance/user/console/views/textLog.ts';

const textOf = (cells: Row) => cells.map(({ text }) => text).join('');

test('what is no character of one cell is a question mark; tabulators are blanks', () => {
  for (const [given, shown] of [
    ['plain ~', 'plain ~'],
    ['\x1b[31mred\x07', '?[31mred?'],
    ['a\tb', 'a       b'],
    ['naïve Ελλάδα ─│█', 'naïve Ελλάδα ─│█'],
    ['漢字 🙂 e\u0301', '?? ? e?'],
    ['\u009b2J\u00ad', '?2J?'],
  ] as const) {
    assert.equal(printable(given), shown);
  }
});

test('rows are cut and filled to the cell', () => {
  const cells = [span('abc', 'good'), span('defg', 'bad')];
  assert.deepEqual(crop(cells, 5), [span('abc', 'good'), span('de', 'bad')]);
  assert.deepEqual(crop(cells, 3, 2), [span('c', 'good'), span('de', 'bad')]);
  assert.equal(textOf(crop(cells, 9)), 'abcdefg  ');
  assert.equal(textOf(crop([], 2)), '  ');
  assert.equal(textOf(spread(row('ab'), row('yz'), 6)), 'ab  yz');
  assert.equal(textOf(spread(row('abcd'), row('yz'), 5)), 'abcd ');
});

test('the bar of tabs says as much as there is room for, at every width', () => {
  const titles = ['shell', 'interfaces', 'states', 'rules', 'load', 'failover', 'packets', 'log'];
  const at = (width: number) => textOf(tabBar(titles, 1, 'box', width));
  assert.equal(at(80), ' F1 shell F2 interfaces F3 states F4 rules F5 load F6 failover F7 packets F8 log');
  assert.match(at(120), /^ F1 shell {2}F2 interfaces .* F8 log +box $/);
  assert.match(at(60), /^ F1 {2}F2 interfaces {2}F3 .* F8 /);
  for (let width = 40; width < 140; width++) assert.equal(at(width).length, width);
  assert.deepEqual(
    tabBar(titles, 1, '', 80).filter(({ style }) => style === 'active'),
    [span(' F2 interfaces', 'active')],
  );
});

test('keys that do not fit are left out whole', () => {
  assert.equal(
    textOf(
      keyBar(
        [
          ['a', 'first'],
          ['b', 'second'],
        ],
        12,
      ),
    ).trim(),
    'a first',
  );
});

interface Host {
  readonly name: string;
  readonly port: number;
}

const COLUMNS: readonly Column<Host>[] = [
  { title: 'Name', text: ({ name }) => name },
  { title: 'Port', align: 'right', optional: 1, text: ({ port }) => String(port) },
  { title: 'Note', optional: 2, width: 8, text: () => 'x' },
];

test('a table leaves columns out, then cuts, and never exceeds its width', () => {
  const hosts = [
    { name: 'a', port: 80 },
    { name: '2001:db8:1111:2222:3333:4444:5555:6666', port: 65535 },
  ];
  const lines = (width: number) => table(COLUMNS, hosts, width).map(textOf);
  assert.deepEqual(
    lines(60).map((line) => line.trimEnd()),
    [
      `Name${' '.repeat(34)}  Port Note`,
      `a${' '.repeat(37)}    80 x`,
      '2001:db8:1111:2222:3333:4444:5555:6666 65535 x',
    ],
  );
  assert.match(lines(45)[0]!, /^Name +Port *$/);
  assert.match(lines(40)[0]!, /^Name *$/);
  for (let width = 10; width < 80; width++) for (const line of lines(width)) assert.equal(line.length, width);
  const [, , second] = table(COLUMNS, hosts, 60, 1);
  assert.ok(second!.every(({ style }) => style === 'selected'));
});

test('the selected one of a list exists and is in the window', () => {
  for (let length = 0; length < 12; length++) {
    let list = LIST_START;
    for (const name of ['down', 'pagedown', 'end', 'up', 'home', 'pageup', 'down', 'end']) {
      list = moveInList(list, { name }, length, 5)!;
      assert.ok(list.selected >= 0 && list.selected < Math.max(1, length), `${name} of ${length}`);
      assert.ok(list.top <= list.selected && list.selected < list.top + 5);
    }
  }
  assert.deepEqual(settle({ selected: 9, top: 5 }, 3, 5), { selected: 2, top: 0 });
  assert.equal(moveInList(LIST_START, { name: 'x', character: 'x' }, 3, 5), undefined);
});

test('numbers of four characters and a unit', () => {
  for (const [value, text] of [
    [0, '0'],
    [999, '999'],
    [1000, '1.0k'],
    [99_499, '99.5k'],
    [99_500, '100k'],
    [999_499, '999k'],
    [999_500, '1.0M'],
    [17e9, '17.0G'],
  ] as const) {
    assert.equal(scaled(value), text);
  }
  assert.equal(bitRate(125), '1.0kb/s');
  assert.equal(duration(3723.9), '1:02:03');
});

test('rates are per second; a counter that was reset begins anew, one that went is forgotten', () => {
  const rates = new Rates();
  rates.take(10, new Map([['a', 100]]));
  assert.equal(rates.now('a'), undefined);
  rates.take(
    12,
    new Map([
      ['a', 300],
      ['b', 5],
    ]),
  );
  assert.equal(rates.now('a'), 100);
  assert.equal(rates.now('b'), undefined);
  rates.take(13, new Map([['b', 2]]));
  assert.equal(rates.now('b'), 0);
  assert.deepEqual(rates.history('a'), []);
});

test('a day of counters keeps no more than a window of them', () => {
  const rates = new Rates();
  for (let second = 0; second < 86_400; second++) rates.take(second, new Map([['a', second]]));
  assert.equal(rates.history('a').length, 240);
});

test('sparklines in both sets of signs', () => {
  assert.equal(sparkline([0, 1, 8], 4, UNICODE), '  ▁█');
  assert.equal(sparkline([0, 1, 8], 2, ASCII), '_#');
  assert.equal(sparkline([0, 0], 2, ASCII), '  ');
  assert.equal(glyphsOf({ LANG: 'de_DE.UTF-8' }), UNICODE);
  assert.equal(glyphsOf({ LANG: 'de_DE.UTF-8', LC_ALL: 'C' }), ASCII);
  assert.equal(glyphsOf({}), ASCII);
});

test('a log follows its end until it is moved, then stays where it is looked at', () => {
  const lines = Array.from({ length: 21 }, (_, i) => `line ${i}`);
  let log: TextLog = { lines: lines.slice(0, 20), back: 0 };
  const seen = () => logRows(log, 3, () => 'text').map(textOf);
  assert.deepEqual(seen(), ['line 17', 'line 18', 'line 19']);
  log = moveInLog(log, { name: 'pageup' }, 3)!;
  log = { lines, back: log.back + 1 };
  assert.deepEqual(seen(), ['line 14', 'line 15', 'line 16']);
  log = moveInLog(log, { name: 'home' }, 3)!;
  assert.deepEqual(seen(), ['line 0', 'line 1', 'line 2']);
  log = moveInLog(log, { name: 'end' }, 3)!;
  assert.deepEqual(seen(), ['line 18', 'line 19', 'line 20']);
});

test('the mouse: which tab, which row', () => {
  const titles = ['shell', 'states', 'log'];
  for (const width of [80, 30, 24, 14]) {
    const bar = tabBar(titles, 1, '', width);
    let column = 0;
    for (const [i, { text }] of bar.slice(0, titles.length).entries()) {
      assert.equal(tabAt(titles, 1, width, column), i, `${width}: ${text}`);
      assert.equal(tabAt(titles, 1, width, column + text.length - 1), i, `${width}: ${text}`);
      column += text.length;
    }
    assert.equal(tabAt(titles, 1, width, 79), undefined);
  }
  assert.deepEqual(chooseInList({ selected: 0, top: 10 }, 3, 20), { selected: 13, top: 10 });
  assert.equal(chooseInList({ selected: 0, top: 10 }, 10, 20), undefined);
  assert.equal(chooseInList(LIST_START, -1, 20), undefined);
});
