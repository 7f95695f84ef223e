import { project } from "@chatkeep/config/vitest";

export default project("runtimes");
