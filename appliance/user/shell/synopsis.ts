// SPDX-License-Identifier: ISC
//
// The usage line of a command, read: which options it has, what they take, what its operands are. What the user is shown as usage
// is what completion goes by.

/** What may stand in one place: one of some words (`inet|inet6`), or what a placeholder stands for (`file`). */
export interface Argument {
  readonly words: string[];
  readonly placeholders: string[];
}

export interface Synopsis {
  /** `-a`, `--json`, with what each takes, if anything. */
  readonly options: ReadonlyMap<string, Argument | undefined>;
  readonly operands: readonly Argument[];
}

/**
 * Reads `name [-abc] [-f file] [-k host | label] add|delete [operand ...]`, several of these with ` | name ` between them. Words
 * close at a bar are literal, those with blanks around it are placeholders for one and the same thing.
 */
export function parseSynopsis(synopsis: string): Synopsis {
  const [name = '', ...rest] = synopsis.split(' ');
  const options = new Map<string, Argument | undefined>();
  const operands: Argument[] = [];
  for (const form of rest.join(' ').split(` | ${name} `)) readForm(form, options, operands);
  return { options, operands };
}

function readForm(form: string, options: Map<string, Argument | undefined>, operands: Argument[]): void {
  /** The option whose argument may follow, and where a word behind a bar belongs. */
  let option: string | undefined;
  let slot: Argument | undefined;
  let isAlternative = false;
  for (const token of tokensOf(form)) {
    if (token === '|') {
      isAlternative = slot !== undefined;
    } else if (token === '[' || token === ']') {
      option = undefined;
    } else if (token.startsWith('-')) {
      const names = namesOf(token);
      for (const one of names) if (!options.has(one)) options.set(one, undefined);
      option = names.at(-1);
      slot = undefined;
      isAlternative = false;
    } else {
      if (!isAlternative) slot = place(option, options, operands);
      isAlternative = false;
      option = undefined;
      if (token.includes('|')) slot!.words.push(...token.split('|'));
      else slot!.placeholders.push(token);
    }
  }
}

/** A place for what follows: the option's argument, or the next operand. */
function place(
  option: string | undefined,
  options: Map<string, Argument | undefined>,
  operands: Argument[],
): Argument {
  const argument: Argument = { words: [], placeholders: [] };
  if (option === undefined) operands.push(argument);
  else options.set(option, argument);
  return argument;
}

/** Brackets, bars and words; `name[=value]` is the word `name`. */
function tokensOf(form: string): readonly string[] {
  const plain = form.replace(/(\w)\[[^\]\s]*\]/g, '$1').replaceAll('...', '');
  return plain.match(/[[\]]|[^\s[\]]+/g) ?? [];
}

/** `-abc` is three options, `-inet|-inet6` two, `--json` one; so is a word of today's commands such as `-prefixlen`. */
function namesOf(token: string): readonly string[] {
  if (token.includes('|')) return token.split('|');
  if (token.startsWith('--')) return [token];
  return [...token.slice(1)].map((letter) => `-${letter}`);
}
