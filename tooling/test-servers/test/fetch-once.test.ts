import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fetchOnce, spawnClient } from "../src/index.js";

describe("what is fetched once", () => {
  let folder: string;
  let wanted: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "chatkeep-fetch-"));
    wanted = join(folder, "thing");
  });

  afterEach(() => rm(folder, { recursive: true }));

  it("is fetched by one of many, and appears whole", async () => {
    let fills = 0;
    const fetchers = Array.from({ length: 5 }, () =>
      fetchOnce(wanted, async (draft) => {
        fills += 1;
        await writeFile(join(draft, "a"), "1");
        await sleep(50);
        await writeFile(join(draft, "b"), "2");
      }),
    );
    await Promise.all(
      fetchers.map(async (fetcher) => {
        await fetcher;
        expect(await readdir(wanted)).toEqual(["a", "b"]);
      }),
    );
    expect(fills).toBe(1);
    expect(await readdir(folder)).toEqual(["thing"]);
  });

  it("can be tried again after a failure", async () => {
    const fail = fetchOnce(wanted, async () => {
      throw new Error("no network");
    });
    await expect(fail).rejects.toThrow("no network");
    expect(await readdir(folder)).toEqual([]);
    await fetchOnce(wanted, (draft) => writeFile(join(draft, "a"), "1"));
    expect(await readFile(join(wanted, "a"), "utf8")).toBe("1");
  });

  it("is not waited for when the fetcher was killed", async () => {
    const dead = await spawnClient(new URL("./fixtures/talks.mjs", import.meta.url));
    await dead.kill();
    await mkdir(`${wanted}.lock`);
    await writeFile(join(`${wanted}.lock`, "pid"), String(dead.pid));
    await fetchOnce(wanted, (draft) => writeFile(join(draft, "a"), "1"));
    expect(await readdir(folder)).toEqual(["thing"]);
  });
});
