import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { publicPackages, readManifest } from "./packages.js";

/** An entry of a published package, and where its public API is written down. */
export interface Entry {
  /** The name that it is imported by. */
  name: string;
  folder: string;
  /** Its declarations, as they are built. */
  types: string;
  /** The report that is checked in. */
  report: string;
}

/** The entries of all published packages. */
export function entries(): Entry[] {
  return publicPackages().flatMap(({ name, folder }) =>
    Object.entries(readManifest(folder).exports).flatMap(([subpath, target]) => {
      const types = (target as { import?: { types?: string } }).import?.types;
      if (types === undefined) return [];
      const report = join(folder, "api", `${basename(types, ".d.ts")}.api.md`);
      return [{ name: join(name, subpath), folder, types: join(folder, types), report }];
    }),
  );
}

/** The report that is checked in; undefined when there is none. */
export function reportOf({ report }: Entry): string | undefined {
  return existsSync(report) ? readFileSync(report, "utf8") : undefined;
}

/** The public API of an entry as it is built, as text. */
export function currentReport({ folder, types }: Entry): string {
  const temporary = mkdtempSync(join(tmpdir(), "chatkeep-api-"));
  try {
    const config = ExtractorConfig.prepare({
      configObject: {
        projectFolder: folder,
        mainEntryPointFilePath: types,
        compiler: { overrideTsconfig: { compilerOptions: { ...compilerOptions }, files: [types] } },
        apiReport: {
          enabled: true,
          reportFileName: "report",
          reportFolder: temporary,
          reportTempFolder: join(temporary, "new"),
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        newlineKind: "lf",
        messages: {
          compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
          extractorMessageReporting: {
            default: { logLevel: ExtractorLogLevel.None },
            "ae-forgotten-export": { logLevel: ExtractorLogLevel.None },
          },
          tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        },
      },
      configObjectFullPath: undefined,
      packageJsonFullPath: join(folder, "package.json"),
    });
    const problems: string[] = [];
    const { errorCount } = Extractor.invoke(config, {
      localBuild: true,
      messageCallback(message) {
        if (message.logLevel === ExtractorLogLevel.Error) problems.push(message.text);
        message.handled = true;
      },
    });
    if (errorCount > 0) throw new Error(problems.join("\n"));
    return readFileSync(join(temporary, "report.api.md"), "utf8");
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

const compilerOptions = {
  target: "ES2022",
  module: "nodenext",
  moduleResolution: "nodenext",
  lib: ["ES2022"],
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
};
