import { describe, expect, it, vi } from "vitest";
import { ServiceClock } from "../src/backend/service-clock.js";

const at = (time: number) => new Date(time).toUTCString();

describe("the service's time", () => {
  it("is the local one as far as replies agree with it", () => {
    vi.useFakeTimers({ now: 1_700_000_000_400 });
    const clock = new ServiceClock();
    expect(clock.now()).toBe(1_700_000_000_400);
    for (let i = 0; i < 50; i++) {
      clock.note(
        at(Math.floor((1_700_000_000_400 + i * 130) / 1000) * 1000),
        Date.now() + i * 130 - 5,
        Date.now() + i * 130 + 5,
      );
    }
    expect(Math.abs(clock.now() - 1_700_000_000_400)).toBeLessThanOrEqual(5);
    vi.useRealTimers();
  });

  it.each([-7_200_000, -3_000, 2_500, 90_000])("is found when the local clock is %i ms behind", (behind) => {
    vi.useFakeTimers({ now: 1_700_000_000_000 });
    const clock = new ServiceClock();
    for (let i = 0; i < 40; i++) {
      vi.setSystemTime(1_700_000_000_000 + i * 77);
      const now = Date.now();
      clock.note(at(now + behind), now - 3, now + 3);
    }
    expect(Math.abs(clock.now() - (Date.now() + behind))).toBeLessThanOrEqual(120);
    vi.useRealTimers();
  });

  it("is found anew when a clock was set, and whatever is no date is passed over", () => {
    vi.useFakeTimers({ now: 1_700_000_000_000 });
    const clock = new ServiceClock();
    clock.note(at(Date.now()), Date.now(), Date.now());
    clock.note(undefined, 0, 0);
    clock.note("soon", 0, 0);
    vi.setSystemTime(1_700_000_000_000 - 60_000);
    clock.note(at(1_700_000_001_000), Date.now(), Date.now());
    expect(Math.abs(clock.now() - 1_700_000_001_000)).toBeLessThanOrEqual(1_000);
    vi.useRealTimers();
  });
});
