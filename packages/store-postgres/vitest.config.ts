import { project } from "@chatkeep/config/vitest";

export default project("store-postgres", {
  globalSetup: ["@chatkeep/test-servers/vitest-setup"],
  provide: { testServers: ["pgbouncer", "postgres", "postgres-15"] },
});
