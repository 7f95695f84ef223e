import { argv } from "node:process";
import { tablestoreServer } from "./server.js";

/** The server as a process of its own. Its argument is the options that JSON can say. */
const server = await tablestoreServer(JSON.parse(argv[2] ?? "{}"));
console.log(`tablestore-server is ready on port ${server.port}`);
