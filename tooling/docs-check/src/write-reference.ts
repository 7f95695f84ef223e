// Writes the reference of all packages into `reference/`, for a browser.
import { fileURLToPath } from "node:url";
import { readReference } from "./reference.js";

const folder = fileURLToPath(new URL("../../../reference/", import.meta.url));
const { app, project } = await readReference();
await app.generateDocs(project, folder);
console.log(`${folder}index.html`);
