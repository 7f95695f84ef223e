import { project } from "@chatkeep/config/vitest";

export default project("redis-layouts", {
  globalSetup: ["@chatkeep/test-servers/vitest-setup"],
  provide: { testServers: ["redis"] },
});
