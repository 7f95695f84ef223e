import { project } from "@chatkeep/config/vitest";

export default project("package-checks", {
  testTimeout: 300_000,
  hookTimeout: 300_000,
  globalSetup: ["./src/pack-setup.ts", "@chatkeep/test-servers/vitest-setup"],
  provide: { testServers: ["azurite", "dynamodb", "postgres", "redis", "tablestore", "upstash"] },
});
