import { project } from "@chatkeep/config/vitest";

export default project("store-dynamodb", {
  globalSetup: ["@chatkeep/test-servers/vitest-setup"],
  provide: { testServers: ["dynamodb"] },
});
