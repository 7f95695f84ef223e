import { project } from "@chatkeep/config/vitest";

export default project("store-tablestore", {
  globalSetup: ["@chatkeep/test-servers/vitest-setup"],
  provide: { testServers: ["tablestore"] },
});
