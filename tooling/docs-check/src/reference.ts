import { fileURLToPath } from "node:url";
import { Application, Logger, LogLevel, type ProjectReflection } from "typedoc";
import { sources } from "./packages.js";

class Warnings extends Logger {
  readonly warnings: string[] = [];

  override log(message: string, level: LogLevel): void {
    if (level >= LogLevel.Warn) this.warnings.push(message);
  }
}

/**
 * All that the published packages export, by typedoc from their sources, and what it warns of: a type that is used and not
 * exported, a link that leads nowhere.
 */
export async function readReference(): Promise<{ app: Application; project: ProjectReflection; warnings: string[] }> {
  const all = [...sources()];
  const app = await Application.bootstrap({
    name: "Chatkeep",
    entryPoints: all.filter(([name]) => name.startsWith("@chatkeep/chat-store-")).map(([, source]) => source),
    tsconfig: fileURLToPath(new URL("../tsconfig.reference.json", import.meta.url)),
    compilerOptions: { paths: Object.fromEntries(all.map(([name, source]) => [name, [source]])) },
    skipErrorChecking: true, // the packages' own type checks do that
    excludePrivate: true,
    excludeExternals: true,
    readme: "none",
    gitRevision: "main",
    disableSources: true,
  });
  const logger = new Warnings();
  app.logger = logger;
  const project = await app.convert();
  if (project === undefined) throw new Error(`typedoc could not read the packages: ${logger.warnings.join("\n")}`);
  app.validate(project);
  return { app, project, warnings: logger.warnings };
}
