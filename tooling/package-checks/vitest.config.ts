import { project } from "@chatkeep/config/vitest";

export default project("package-checks", { testTimeout: 300_000, hookTimeout: 300_000 });
