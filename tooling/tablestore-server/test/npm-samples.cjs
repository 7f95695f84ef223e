// Runs samples of the npm SDK, as they are, one after another in one process; each begins when the one before has nothing left
// to do. Prints one line of JSON for each: what it wrote to the console.
const [folder, ...names] = process.argv.slice(2);
const { join } = require("node:path");
const { inspect } = require("node:util");

let current;
let output = "";
console.log = (...parts) => {
  output += `${parts.map((part) => (typeof part === "string" ? part : inspect(part))).join(" ")}\n`;
};

process.on("beforeExit", () => {
  if (current !== undefined) process.stdout.write(`${JSON.stringify({ sample: current, output })}\n`);
  current = names.shift();
  output = "";
  if (current !== undefined) require(join(folder, current));
});
