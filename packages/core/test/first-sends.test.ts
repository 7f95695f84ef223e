import { describe, expect, it, vi } from "vitest";
import { FirstSends, MaybeForgotten } from "../src/backend/first-sends.js";

const signal = new AbortController().signal;
const operation = () => ({ id: "id", fingerprint: "a", fromCaller: false });
const neverAsked = () => expect.fail("the service was asked for its time");
const forgetful = async (since: number | undefined): Promise<never> => {
  throw new MaybeForgotten(String(since));
};

describe("when an operation was first sent", () => {
  it("is nothing on the first try, nor where earlier tries sent nothing or were surely not applied", async () => {
    const sends = new FirstSends();
    const first = operation();
    const told = async (since: number | undefined) => since;
    expect(await sends.send("k", { signal, mayBeApplied: false, operation: first }, neverAsked, told)).toBeUndefined();
    expect(await sends.send("k", { signal, mayBeApplied: false, operation: first }, neverAsked, told)).toBeUndefined();
    expect(
      await sends.send("k", { signal, mayBeApplied: true, operation: operation() }, neverAsked, told),
    ).toBeUndefined();
  });

  it("is not asked for where nothing was forgotten", async () => {
    const sends = new FirstSends();
    const first = operation();
    const done = async () => "done";
    await sends.send("k", { signal, mayBeApplied: false, operation: first }, neverAsked, done);
    expect(await sends.send("k", { signal, mayBeApplied: true, operation: first }, neverAsked, done)).toBe("done");
  });

  it("is that of an earlier call with the same id of a caller, on the same key", async () => {
    const sends = new FirstSends();
    const call = (key: string, told: (since: number | undefined) => Promise<unknown>) =>
      sends.send(
        key,
        { signal, mayBeApplied: false, operation: { ...operation(), fromCaller: true } },
        async () => 1e9,
        told,
      );
    const told = async (since: number | undefined) => since;
    expect(await call("k", told)).toBeUndefined();
    expect(await call("another", told)).toBeUndefined();
    expect(await call("k", told)).toBeLessThan(10);
    await expect(call("k", forgetful)).rejects.toMatchObject({ outcome: "unknown" });
  });

  it("an operation that was remembered a moment ago is not sent again", async () => {
    const first = { signal, mayBeApplied: false, operation: operation() };
    const gone = new FirstSends().send("k", first, neverAsked, forgetful);
    await expect(gone).rejects.toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
  });

  it("counts the time that the machine slept", async () => {
    const sends = new FirstSends();
    const first = operation();
    await sends.send("k", { signal, mayBeApplied: false, operation: first }, neverAsked, async () => {});
    const now = Date.now();
    vi.spyOn(Date, "now").mockReturnValue(now + 600_000);
    const times: (number | undefined)[] = [];
    const again = sends.send(
      "k",
      { signal, mayBeApplied: true, operation: first },
      async () => now + 600_000,
      (since) => {
        times.push(since);
        return forgetful(since);
      },
    );
    await expect(again).rejects.toMatchObject({ outcome: "unknown" });
    expect(times[1]).toBeLessThanOrEqual(now);
    vi.restoreAllMocks();
  });

  it("is never later than it was, however long the reply was on its way and whatever clock the service has", async () => {
    const sends = new FirstSends();
    const first = operation();
    const times: (number | undefined)[] = [];
    // The service's clock is ahead.
    const service = () => performance.now() + 1_000_000;
    const sentAt = service();
    await sends.send("k", { signal, mayBeApplied: false, operation: first }, neverAsked, async () => {});
    const ask = async () => {
      const time = service();
      await new Promise((resolve) => setTimeout(resolve, 30));
      return time;
    };
    const again = sends.send("k", { signal, mayBeApplied: true, operation: first }, ask, (since) => {
      times.push(since);
      return forgetful(since);
    });
    await expect(again).rejects.toMatchObject({ code: "UNAVAILABLE", outcome: "unknown" });
    expect(times).toHaveLength(2);
    expect(times[0]).toBeLessThan(10);
    expect(times[1]).toBeLessThan(sentAt);
    expect(times[1]).toBeGreaterThan(sentAt - 1_000_000);
  });
});
