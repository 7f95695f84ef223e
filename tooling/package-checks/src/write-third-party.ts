import { writeFileSync } from "node:fs";
import { thirdPartyFile, thirdPartyText } from "./third-party.js";

writeFileSync(thirdPartyFile, thirdPartyText());
