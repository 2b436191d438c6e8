// SPDX-License-Identifier: ISC
//
// Files that `include` lines name, read before parsing: the parser itself does not wait for anything.

/** Texts of all files that `text` includes, and those include; one that cannot be read is missing, which the parser tells. */
export async function readIncludes(
  text: string,
  files: { read(path: string): Promise<string> },
): Promise<(path: string) => string | undefined> {
  const texts = new Map<string, string | undefined>();
  const follow = async (from: string): Promise<void> => {
    for (const [, , path] of from.matchAll(/^[ \t]*include[ \t]+(["']?)([^\s"']+)\1/gm)) {
      if (path === undefined || texts.has(path)) continue;
      const included = await files.read(path).catch(() => undefined);
      texts.set(path, included);
      if (included !== undefined) await follow(included);
    }
  };
  await follow(text);
  return (path) => texts.get(path);
}
