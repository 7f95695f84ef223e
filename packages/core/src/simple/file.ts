import { utf8Length } from "../backend/validate.js";
import { type ChatStoreErrorCode, chatStoreError } from "../errors.js";
import { nodeModule } from "./node.js";

/** The text of a file; undefined when there is none. `CORRUPT_MESSAGE` when it is not UTF-8. */
export async function readText(path: string): Promise<string | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await nodeModule("node:fs/promises").readFile(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw fileError("read", path, error);
  }
  try {
    return strictDecoder().decode(bytes);
  } catch {
    const problem = `It is not UTF-8 from byte ${validUtf8Prefix(bytes)} on.`;
    throw chatStoreError("CORRUPT_MESSAGE", `${path} is damaged, and left as it is. ${problem}`);
  }
}

/** Decodes or throws: replacement characters would be written over the original with the next change. */
const strictDecoder = () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** How many bytes make whole characters, before the first one that doesn't. */
function validUtf8Prefix(bytes: Uint8Array): number {
  let valid = 0;
  let invalid = bytes.length + 1;
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >>> 1;
    try {
      strictDecoder().decode(bytes.subarray(0, middle), { stream: true });
      valid = middle;
    } catch {
      invalid = middle;
    }
  }
  // The end of it may be the beginning of the character that is broken: a stream gives whole characters only.
  return utf8Length(strictDecoder().decode(bytes.subarray(0, valid), { stream: true }));
}

/** What changes whenever anybody writes the file; undefined when there is none. */
export async function fileVersion(path: string): Promise<string | undefined> {
  try {
    return versionOf(await nodeModule("node:fs/promises").stat(path, { bigint: true }));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw fileError("read", path, error);
  }
}

function versionOf({ ino, size, mtimeNs }: { ino: bigint; size: bigint; mtimeNs: bigint }): string {
  return `${ino}-${size}-${mtimeNs}`;
}

/** The file that a path leads to, through links; for one that doesn't exist yet, in the folder it will be in. */
export async function resolveFile(path: string): Promise<string> {
  const { readlink, realpath } = nodeModule("node:fs/promises");
  const { basename, dirname, join, resolve } = nodeModule("node:path");
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw fileError("read", path, error);
  }
  const folder = await makeFolder(dirname(absolute));
  const target = await readlink(absolute).catch((error: unknown) => {
    // Nothing is there; or, since a moment ago, a file.
    if (["ENOENT", "EINVAL"].includes(errorCode(error) ?? "")) return undefined;
    throw fileError("read", path, error);
  });
  if (target !== undefined) return resolveFile(resolve(await realpath(folder), target));
  return join(await realpath(folder), basename(absolute));
}

async function makeFolder(folder: string): Promise<string> {
  try {
    await nodeModule("node:fs/promises").mkdir(folder, { recursive: true });
    return folder;
  } catch (error) {
    throw fileError("make the folder", folder, error);
  }
}

/** Writes to one file follow one another, each with what there is at its turn, so that nothing older comes last. */
const writing = new Map<string, Promise<void>>();

/**
 * Replaces a file so that whatever happens there is the old one or the new one, whole: the text is written beside it, is on
 * disk before it takes the file's place, and the folder is on disk before this settles. `replaced` is told the new file's
 * version when it has taken the old one's place, also when the folder can't be brought to disk after that.
 */
export async function writeDurably(
  path: string,
  text: () => string,
  replaced?: (version: string) => void,
): Promise<void> {
  const file = await resolveFile(path);
  const earlier = writing.get(file);
  const mine = (async () => {
    await Promise.allSettled([earlier]);
    await replaceFile(file, text(), replaced);
  })();
  writing.set(file, mine);
  try {
    await mine;
  } finally {
    if (writing.get(file) === mine) writing.delete(file);
  }
}

async function replaceFile(file: string, text: string, replaced?: (version: string) => void): Promise<void> {
  const fs = nodeModule("node:fs/promises");
  const { basename, dirname, join } = nodeModule("node:path");
  const folder = dirname(file);
  const temporary = join(folder, `.${basename(file)}.${crypto.randomUUID()}.tmp`);
  try {
    const mode = await modeOf(file);
    const handle = await fs.open(temporary, "wx", mode);
    let version: string;
    try {
      // What `open` was given went through the umask.
      if (mode !== undefined) await handle.chmod(mode);
      await handle.writeFile(text);
      await handle.sync();
      version = versionOf(await handle.stat({ bigint: true }));
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, file);
    replaced?.(version);
    await syncFolder(folder);
  } catch (error) {
    // What failed first is told; a file that is left behind is no store's.
    await fs.rm(temporary, { force: true }).catch(() => {});
    throw fileError("write", file, error);
  }
}

/** Undefined where there is no file. */
async function modeOf(file: string): Promise<number | undefined> {
  try {
    return (await nodeModule("node:fs/promises").stat(file)).mode;
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    return undefined;
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows can't open a folder, and keeps renames in its journal.
  if (nodeModule("node:os").platform() === "win32") return;
  const handle = await nodeModule("node:fs/promises").open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

const reasons: Record<string, [ChatStoreErrorCode, string]> = {
  EACCES: ["MISCONFIGURED", "permission denied"],
  EPERM: ["MISCONFIGURED", "permission denied"],
  EROFS: ["MISCONFIGURED", "the file system is read-only"],
  EISDIR: ["MISCONFIGURED", "it is a folder"],
  ENOTDIR: ["MISCONFIGURED", "part of its path is no folder"],
  ENOSPC: ["UNAVAILABLE", "the disk is full"],
  EDQUOT: ["UNAVAILABLE", "the disk quota is used up"],
  EFBIG: ["UNAVAILABLE", "it is larger than the system allows"],
};

export function fileError(action: string, path: string, error: unknown) {
  const systemCode = errorCode(error) ?? "unknown reason";
  const [code, reason] = reasons[systemCode] ?? ["UNAVAILABLE", systemCode];
  return chatStoreError(code, `Can't ${action} ${path}: ${reason}.`);
}
