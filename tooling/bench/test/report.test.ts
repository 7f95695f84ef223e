import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { writeBetween } from "../src/report/markers.js";
import { logLogPlot } from "../src/report/plot.js";
import { summaryText } from "../src/report/summary.js";
import { reportText } from "../src/report/tables.js";
import { reportFiles } from "../src/report/write.js";
import { OURS, RAW, type Report, Results, rounded } from "../src/results.js";
import type { Row } from "../src/row.js";

const row: Row = { name: "append", title: "Append", text: "How it was done.", measure: async () => {} };

function report() {
  const results = new Results();
  const place = { what: "append", store: "redis", variant: "1,000" };
  results.addTimes(
    place,
    new Map([
      [OURS, { median: 0.2, p95: 0.4, samples: 100 }],
      [RAW, { median: 0.1, p95: 0.15, samples: 100 }],
    ]),
  );
  results.add({ ...place, contender: "Slow", unit: "ms", value: 3_000, stopped: true });
  const value = (name: string) => results.value("append", "redis", "1,000", name);
  results.aimRatio("append", "at most 1.2 of raw", value(OURS), value(RAW), { atMost: 1.2 });
  results.aimRatio("append", "at least 50 times Slow", value("Slow"), value(OURS), { atLeast: 50 });
  results.aimRatio("append", "faster than nobody", value("nobody"), value(OURS), { atLeast: 1 });
  const { measurements, aims } = results;
  const about = {
    date: "2026-01-01",
    command: "pnpm bench",
    machine: "1 core",
    seconds: 9,
    versions: { node: "24.0.0" },
  };
  return { ...about, measurements, aims };
}

describe("the report", () => {
  it("in bench/README.md and README.md is that of the numbers in bench/results", async () => {
    const file = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), "utf8");
    const latest = JSON.parse(await file("bench/results/latest.json")) as Report;
    const written = await reportFiles(latest);
    expect(written.size).toBeGreaterThan(3);
    for (const [path, text] of written) expect(await file(path), `${path}: pnpm bench --render`).toBe(text);
  });

  it("says for each aim whether it was met, and for each number how many times ours it is", () => {
    const text = reportText(report(), [row], new Map([["append", "![plot](plot.svg)"]]));
    expect(text).toContain("| Append | at most 1.2 of raw | 2 × | **not met** |");
    expect(text).toContain("| Append | at least 50 times Slow | 15,000 × | met |");
    expect(text).toContain("| Append | faster than nobody | – | not measured |");
    expect(text).toContain("| redis, ms | 1,000 |");
    expect(text).toContain("| **Chatkeep** | 0.2 (0.4) |");
    expect(text).toContain("| raw driver | 0.1 (0.15), 0.5× |");
    expect(text).toContain("| Slow | > 3,000, > 15,000× |");
    expect(text).toContain("![plot](plot.svg)");
  });

  it("README.md is told two cases, and for each how much slower the others are", () => {
    const results = new Results();
    for (const [what, variant] of [
      ["page", "5,000"],
      ["turn", "10,000"],
    ] as const) {
      const place = { what, store: "redis", variant, unit: "ms" };
      results.add({ ...place, contender: OURS, value: 0.5 });
      results.add({ ...place, contender: "Slow", value: 100, stopped: what === "turn" });
    }
    const text = summaryText({ date: "2026-01-01", measurements: results.measurements });
    expect(text).toContain("5,000 messages on Redis took 0.5 ms. Others, in multiples of that: Slow 200.");
    expect(text).toContain("10,000 messages on Redis took 0.5 ms. Others, in multiples of that: Slow more than 200.");
    expect(text).toContain("](bench/plots/page-redis.svg)");
    expect(() => summaryText({ date: "2026-01-01", measurements: [] })).toThrow("page was not measured");
  });

  it("goes between the markers, again and again, and leaves the rest", () => {
    const document = "before\n<!-- results: begin, written by pnpm bench -->\n<!-- results: end -->\nafter\n";
    const once = writeBetween(document, "results", "first");
    expect(once).toMatch(/^before\n<!-- .* -->\n\nfirst\n\n<!-- results: end -->\nafter\n$/);
    expect(writeBetween(once, "results", "second")).toBe(once.replace("first", "second"));
    expect(() => writeBetween("no markers", "results", "x")).toThrow('no markers "results"');
  });

  it.each([
    [0, "0"],
    [0.00123, "0.00123"],
    [1.005, "1"],
    [12.34, "12.3"],
    [123_456.7, "123,457"],
  ])("shows %d as %s", (value, text) => {
    expect(rounded(value)).toBe(text);
  });
});

describe("a plot", () => {
  const options = { title: "A & B", x: "messages", y: "ms" };

  it("puts equal factors at equal distances, on both axes", () => {
    const svg = logLogPlot(
      [
        {
          name: "line",
          points: [
            [10, 1],
            [100, 10],
            [1_000, 100],
          ],
        },
      ],
      options,
    );
    const places = [...svg.matchAll(/circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
    const [[x0 = 0, y0 = 0] = [], [x1 = 0, y1 = 0] = [], [x2 = 0, y2 = 0] = []] = places;
    expect(x1 - x0).toBeCloseTo(x2 - x1, 0);
    expect(y1 - y0).toBeCloseTo(y2 - y1, 0);
    expect(x1).toBeGreaterThan(x0);
    expect(y1).toBeLessThan(y0);
    expect(svg).toContain("A &amp; B");
  });

  it("refuses to draw nothing", () => {
    expect(() => logLogPlot([{ name: "zero", points: [[10, 0]] }], options)).toThrow(RangeError);
  });
});
