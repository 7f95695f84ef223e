import { project } from "@chatkeep/config/vitest";

export default project("test-servers", {
  globalSetup: ["@chatkeep/test-servers/vitest-setup"],
  provide: {
    testServers: ["azurite", "chromium", "dynamodb", "pgbouncer", "postgres", "redis", "tablestore", "upstash"],
  },
});
