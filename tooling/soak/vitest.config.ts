import { project } from "@chatkeep/config/vitest";

export default project("soak", {
  globalSetup: ["@chatkeep/test-servers/vitest-setup"],
  provide: { testServers: ["azurite", "dynamodb", "postgres", "redis"] },
});
