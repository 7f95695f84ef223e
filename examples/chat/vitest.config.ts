import { project } from "@chatkeep/config/vitest";

export default project("example-chat", {
  globalSetup: ["@chatkeep/test-servers/vitest-setup"],
  provide: { testServers: ["azurite", "chromium", "dynamodb", "postgres", "redis", "tablestore", "upstash"] },
});
