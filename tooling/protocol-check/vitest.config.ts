import { project } from "@chatkeep/config/vitest";

export default project("protocol-check", {
  testTimeout: 300_000,
  globalSetup: ["@chatkeep/test-servers/vitest-setup"],
  provide: { testServers: ["azurite"] },
});
