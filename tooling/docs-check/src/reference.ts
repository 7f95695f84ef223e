import { fileURLToPath } from "node:url";
import {
  Application,
  type DeclarationReflection,
  Logger,
  LogLevel,
  type ProjectReflection,
  ReflectionKind,
} from "typedoc";
import { sources } from "./packages.js";

/**
 * Methods of what only says what is used of another's object, a client of an SDK say: what they do is told there. And those
 * of types without a name.
 */
const ofOthers =
  /\.(\w+Like|AzureTokenCredential|PostgresQuery|RecordableStore|TestRunner)\..*\(CallSignature\)|__type\.\w+ \(CallSignature\)/;

class Warnings extends Logger {
  readonly warnings: string[] = [];

  override log(message: string, level: LogLevel): void {
    if (level >= LogLevel.Warn && !ofOthers.test(message)) this.warnings.push(message);
  }
}

/**
 * All that the published packages export, by typedoc from their sources, and what it warns of: a class, type, function or
 * method without a docstring, a type that is used and not exported, a link that leads nowhere.
 */
export async function readReference(): Promise<{ app: Application; project: ProjectReflection; warnings: string[] }> {
  const all = [...sources()];
  const published = all.filter(([name]) => name.startsWith("@chatkeep/chat-store-"));
  const app = await Application.bootstrap({
    name: "Chatkeep",
    entryPoints: published.map(([, source]) => source),
    tsconfig: fileURLToPath(new URL("../tsconfig.reference.json", import.meta.url)),
    compilerOptions: { paths: Object.fromEntries(all.map(([name, source]) => [name, [source]])) },
    validation: { notExported: true, invalidLink: true, notDocumented: true },
    requiredToBeDocumented: ["Class", "Interface", "TypeAlias", "Variable", "Method"],
    packagesRequiringDocumentation: [...new Set(published.map(([name]) => name.split("/", 2).join("/")))],
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
  // Among typedoc's kinds there is none for functions that is not for methods as well.
  for (const { name, signatures } of project.getReflectionsByKind(ReflectionKind.Function) as DeclarationReflection[]) {
    if (signatures?.every((signature) => !signature.hasComment()))
      logger.warnings.push(`${name} has no documentation.`);
  }
  return { app, project, warnings: logger.warnings };
}
