import { library } from "@chatkeep/config/tsup";

export default library(["src/index.ts"]);
