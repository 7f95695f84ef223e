import { project } from "@chatkeep/config/vitest";

export default project("docs-check", { testTimeout: 300_000 });
