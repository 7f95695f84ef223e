import { runConformance } from "@chatkeep/chat-store-conformance";

/** What the conformance kit says of a store, as plain data. In plain JavaScript and without Node, for any runtime. */
export async function runKit(subject) {
  const { passed, failures, gaps } = await runConformance(subject);
  const failed = failures.map(({ group, title, error }) => `${group}: ${title}: ${error?.stack ?? error}`);
  return { passed, failed, gaps: gaps.length };
}
