// SPDX-License-Identifier: ISC
//
// Questions with defaults and checked answers: asked on a terminal, or answered from a file as OpenBSD's autoinstall(8) reads one.

import type { Ask } from '../commands/command.ts';
import { ConfigError } from '../config/lines.ts';

/** Takes an answer: what it means, or a sentence that says what is wrong with it. */
export type Check<T> = (answer: string) => { readonly value: T } | { readonly problem: string };

export interface Question<T> {
  /** Without the question mark; also the key in an answer file. */
  readonly text: string;
  /** Taken for an empty answer; absent: an answer is needed. */
  readonly otherwise?: string;
  readonly check: Check<T>;
}

export interface Dialogue {
  ask<T>(question: Question<T>): Promise<T>;
  /** Asks for a secret that begins its life here: nothing of it is shown, so a terminal asks twice. Its default is never shown either. */
  askSecret(question: Question<string>): Promise<string>;
  /** All questions have been asked. Throws ConfigError when there is an answer that none of them had. */
  finish(): void;
}

/** Nobody answers any more. */
export class DialogueEnded extends Error {
  constructor() {
    super('given up; nothing was made');
  }
}

/** Asks until the answer will do. */
export class TerminalDialogue implements Dialogue {
  private readonly read: Ask;
  private readonly say: (line: string) => void;

  constructor(read: Ask, say: (line: string) => void) {
    this.read = read;
    this.say = say;
  }

  async ask<T>({ text, otherwise, check }: Question<T>): Promise<T> {
    for (;;) {
      const shown = otherwise === undefined || otherwise === '' ? '' : ` [${otherwise}]`;
      const checked = check((await this.line(`${text}?${shown} `, false)) || (otherwise ?? ''));
      if ('value' in checked) return checked.value;
      this.say(checked.problem);
    }
  }

  async askSecret({ text, otherwise, check }: Question<string>): Promise<string> {
    for (;;) {
      const answer = await this.line(`${text}? `, true);
      if (answer === '' && otherwise !== undefined) return otherwise;
      const checked = check(answer);
      if ('problem' in checked) this.say(checked.problem);
      else if ((await this.line('The same again? ', true)) === answer) return checked.value;
      else this.say('They differ; once more.');
    }
  }

  private async line(prompt: string, secret: boolean): Promise<string> {
    const answer = await this.read(prompt, secret);
    if (answer === undefined) throw new DialogueEnded();
    return answer.trim();
  }

  finish(): void {}
}

interface Answer {
  readonly line: number;
  readonly text: string;
  used: boolean;
}

/** Answers from a file of `question = answer` lines. */
export class FileDialogue implements Dialogue {
  private readonly file: string;
  private readonly answers = new Map<string, Answer>();

  /** Throws ConfigError. */
  constructor(text: string, file: string) {
    this.file = file;
    text.split('\n').forEach((line, i) => {
      if (line.trim() === '' || line.trimStart().startsWith('#')) return;
      const [, key, answer] = /^\s*(.+?)\??\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      if (key === undefined) throw new ConfigError(file, i + 1, 'expected question = answer');
      this.answers.set(key.toLowerCase(), { line: i + 1, text: answer!, used: false });
    });
  }

  /** Rejects with ConfigError for an answer that will not do, or one that is missing. */
  async ask<T>({ text, otherwise, check }: Question<T>): Promise<T> {
    const answer = this.answers.get(text.toLowerCase());
    if (answer !== undefined) answer.used = true;
    const given = answer?.text || otherwise;
    if (given === undefined) throw new ConfigError(this.file, answer?.line ?? 0, `'${text}' needs an answer`);
    const checked = check(given);
    if ('value' in checked) return checked.value;
    throw new ConfigError(this.file, answer?.line ?? 0, `${text}: ${checked.problem}`);
  }

  askSecret(question: Question<string>): Promise<string> {
    return this.ask(question);
  }

  finish(): void {
    for (const [key, { line, used }] of this.answers) {
      if (!used) throw new ConfigError(this.file, line, `nobody asked '${key}'`);
    }
  }
}
