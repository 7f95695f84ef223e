import { project } from "@chatkeep/config/vitest";

export default project("store-tests");
