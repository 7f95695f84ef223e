import { azureProtocol } from "./azure-protocol.js";
import { type Edit, sourcesWith } from "./bundle.js";
import { documentProtocol } from "./document-protocol.js";
import { headProtocol } from "./head-protocol.js";
import type { AnyProtocol } from "./protocol.js";

export const protocolNames = ["head", "document", "azure-llamaindex"] as const;
export type ProtocolName = (typeof protocolNames)[number];

/** The number in the sources, so that a window which is left by a few operations can be checked. */
const remembering = (count: number): Edit => ({
  file: "document/marker.ts",
  find: "const remembered = 33;",
  replace: `const remembered = ${count};`,
});

/** A protocol as it is in the sources, but for some edits. `watch`: whether what is stored is looked at as well. */
export async function loadProtocol(
  name: ProtocolName,
  edits: readonly Edit[] = [],
  watch = true,
): Promise<AnyProtocol> {
  const sources = await sourcesWith(edits);
  switch (name) {
    case "head":
      return headProtocol(sources.HeadDriver, watch);
    case "document": {
      const [one, two] = await Promise.all([1, 2].map((count) => sourcesWith([...edits, remembering(count)])));
      if (one === undefined || two === undefined) throw new Error("no bundle");
      return documentProtocol({ 1: one.DocumentDriver, 2: two.DocumentDriver, 33: sources.DocumentDriver });
    }
    case "azure-llamaindex":
      return azureProtocol(sources, watch);
  }
}
