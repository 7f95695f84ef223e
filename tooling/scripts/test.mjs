// The test command: builds, checks and tests everything, and ends with one line that is true of all of it.
// Arguments are handed to vitest, to run a part: `pnpm test packages/core`. With `--full` first, the conformance kit goes to
// the ends of its sizes and sweeps.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";

process.env.TURBO_TELEMETRY_DISABLED = "1";
const full = process.argv[2] === "--full";
if (full) process.env.CONFORMANCE_LEVEL = "full";
const filters = process.argv.slice(full ? 3 : 2);
let passed = 0;
let failed = 0;

function check(title, command, args) {
  console.log(`\n> ${title}`);
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status === 0) passed++;
  else {
    failed++;
    console.error(`FAILED: ${title}`);
  }
  return status === 0;
}

function runTests() {
  console.log("\n> tests");
  const folder = mkdtempSync(join(tmpdir(), "chatkeep-test-"));
  const report = join(folder, "report.json");
  try {
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    // More than there are cores, since most tests wait for a server.
    const workers = `--maxWorkers=${availableParallelism() + 1}`;
    const { status } = spawnSync("vitest", ["run", workers, ...reporters, ...filters], { stdio: "inherit" });
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, "utf8"));
    const brokenFiles = testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
    const reported = numFailedTests + brokenFiles.length;
    passed += numPassedTests;
    // Errors outside of tests (a missing server, an unhandled rejection) fail the run and belong to no test.
    failed += status !== 0 && reported === 0 ? 1 : reported;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const quiet = ["--output-logs=errors-only", "--log-prefix=task"];
if (check("build", "turbo", ["run", "build", ...quiet])) {
  if (filters.length === 0) {
    check("types", "turbo", ["run", "typecheck", ...quiet]);
    check("format and lint", "biome", ["check", "."]);
    check("unused files, exports and dependencies", "knip", []);
    check("one version of each dependency", "sherif", []);
  }
  runTests();
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
