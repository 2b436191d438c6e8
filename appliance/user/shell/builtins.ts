// SPDX-License-Identifier: ISC
//
// Commands of the shell itself: those that are about the console, not the machine.

import type { Command, CommandIo, Described, Files } from '../commands/command.ts';
import { fileProblem } from '../config/pf/loadPfConf.ts';
import type { ShellIo } from './shell.ts';

export interface BuiltinContext {
  readonly io: CommandIo;
  readonly shell: ShellIo;
  readonly files: Files;
  /** help(1) over everything that the shell can run. */
  readonly help: Command;
  /** Ends the console. */
  readonly exit: () => void;
}

export interface Builtin extends Described {
  run(args: readonly string[], context: BuiltinContext): Promise<number>;
}

const help: Builtin = {
  name: 'help',
  synopsis: 'help [command]',
  summary: 'list the commands, or say how one is called',
  run: (args, { help, io, files }) =>
    help.run(args, {
      ...io,
      files,
      kernel: undefined,
      machine: undefined,
      env: {},
      clock: { now: () => 0 },
    }),
};

const ls: Builtin = {
  name: 'ls',
  synopsis: 'ls [directory]',
  summary: "list files of the machine's directory",
  async run([directory = '/'], { io, files }) {
    try {
      for (const name of await files.list(directory)) io.stdout(`${name}\n`);
      return 0;
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error;
      io.stderr(`ls: ${directory}: ${fileProblem(error)}\n`);
      return 1;
    }
  },
};

const rm: Builtin = {
  name: 'rm',
  synopsis: 'rm file ...',
  summary: "remove files of the machine's directory",
  async run(args, { io, files }) {
    if (args.length === 0 || args[0]!.startsWith('-')) {
      io.stderr(`usage: ${rm.synopsis}\n`);
      return 1;
    }
    let status = 0;
    for (const file of args) {
      try {
        await files.remove(file);
      } catch (error) {
        if (!(error instanceof Error) || !('code' in error)) throw error;
        io.stderr(`rm: ${file}: ${fileProblem(error)}\n`);
        status = 1;
      }
    }
    return status;
  },
};

const edit: Builtin = {
  name: 'edit',
  synopsis: 'edit [-x] file',
  summary: 'edit a file; -x with $EDITOR',
  async run(args, context) {
    const [file] = args.filter((arg) => arg !== '-x');
    if (file === undefined) {
      context.io.stderr(`usage: ${edit.synopsis}\n`);
      return 1;
    }
    return args.includes('-x') ? editElsewhere(file, context) : editHere(file, context);
  },
};

async function editHere(file: string, { io, shell }: BuiltinContext): Promise<number> {
  if (shell.edit === undefined) {
    io.stderr('edit: this terminal has no full-screen editor; edit -x FILE takes your own ($EDITOR)\n');
    return 1;
  }
  await shell.edit(file);
  return 0;
}

async function editElsewhere(file: string, { io, shell, files }: BuiltinContext): Promise<number> {
  if (shell.editElsewhere === undefined) {
    io.stderr('edit: there is no terminal for an editor here\n');
    return 1;
  }
  const before = (await files.exists(file)) ? await files.read(file) : '';
  const after = await shell.editElsewhere(file, before);
  if (after === undefined || after === before) {
    io.stderr(`edit: ${file} stays as it was\n`);
    return after === undefined ? 1 : 0;
  }
  await files.write(file, after);
  return 0;
}

const echo: Builtin = {
  name: 'echo',
  synopsis: 'echo [-n] [word ...]',
  summary: 'print words',
  async run(args, { io }) {
    const bare = args[0] === '-n';
    io.stdout(`${args.slice(bare ? 1 : 0).join(' ')}${bare ? '' : '\n'}`);
    return 0;
  },
};

const clear: Builtin = {
  name: 'clear',
  synopsis: 'clear',
  summary: 'clear the screen',
  async run(_args, { io, shell }) {
    if (shell.clear === undefined) {
      io.stderr('clear: there is no screen here\n');
      return 1;
    }
    shell.clear();
    return 0;
  },
};

const exit: Builtin = {
  name: 'exit',
  synopsis: 'exit',
  summary: 'leave the console',
  async run(_args, context) {
    context.exit();
    return 0;
  },
};

export const BUILTINS: Readonly<Record<string, Builtin>> = { clear, echo, edit, exit, help, ls, rm };

export function findBuiltin(name: string): Builtin | undefined {
  return Object.hasOwn(BUILTINS, name) ? BUILTINS[name] : undefined;
}
