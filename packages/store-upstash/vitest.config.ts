import { project } from "@chatkeep/config/vitest";

export default project("store-upstash", {
  globalSetup: ["@chatkeep/test-servers/vitest-setup"],
  provide: { testServers: ["upstash"] },
});
