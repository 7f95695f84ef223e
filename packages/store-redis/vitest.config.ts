import { project } from "@chatkeep/config/vitest";

export default project("store-redis", {
  globalSetup: ["@chatkeep/test-servers/vitest-setup"],
  provide: { testServers: ["redis"] },
});
