import { project } from "@chatkeep/config/vitest";

export default project("store-azure", {
  globalSetup: ["@chatkeep/test-servers/vitest-setup"],
  provide: { testServers: ["azurite"] },
});
