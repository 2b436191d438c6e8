// SPDX-License-Identifier: ISC
//
// The manual: every command has a page, and pages fit a terminal of 80 columns.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMAND_NAMES } from '../../appliance/user/commands/index.ts';
import { findPage, formatPage, listPages } from '../../appliance/user/manual.ts';
import { SHELL_NAMES } from '../../appliance/user/shell/shell.ts';

for (const name of new Set([...COMMAND_NAMES, ...SHELL_NAMES])) {
  test(`man ${name}`, async () => {
    const page = await findPage(name);
    assert.ok(page, `no page names ${name}`);
    const text = formatPage(page);
    assert.match(text, /^[A-Z0-9.()_]+ +Rhine Manual/);
    assert.doesNotMatch(text, /\*\*|^#|`/m);
  });
}

test('a page by its file, with and without its section', async () => {
  assert.equal((await findPage('pf.conf'))?.title, 'pf.conf(5)');
  assert.equal((await findPage('pf.conf.5'))?.title, 'pf.conf(5)');
  assert.equal(await findPage('nosuch'), undefined);
});

test('text is filled, code stands as it is, lists and tables hang', () => {
  const text = `# x(8)

## Name

x – does ${'much '.repeat(20)}

    code   as it is

- \`-a\` first
- **second**

| word | meaning |
| --- | --- |
| \`up\` | goes up |

-q
: Print less.
`;
  const lines = formatPage({ title: 'x(8)', text }).split('\n');
  assert.ok(lines.every((line) => line.length <= 78));
  for (const line of [
    'NAME',
    '     code   as it is',
    '     - -a first',
    '     - second',
    '     up    goes up',
    '     -q',
    '           Print less.',
  ]) {
    assert.ok(lines.includes(line), `'${line}' in\n${lines.join('\n')}`);
  }
});

test('every page is listed with what it is about', async () => {
  const pages = await listPages();
  for (const { names, section, summary } of pages) {
    assert.ok(names.length > 0 && names.every((name) => name !== ''), JSON.stringify(names));
    assert.match(section, /^\d$/);
    assert.notEqual(summary, '', names.join());
  }
  assert.ok(pages.some(({ names }) => names.includes('pf.conf')));
  assert.ok(pages.some(({ names }) => names.includes('rollback')));
});
