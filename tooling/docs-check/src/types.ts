import { fileURLToPath } from "node:url";
import ts from "typescript";
import { sources } from "./packages.js";

const preset = fileURLToPath(new URL("../../config/tsconfig.json", import.meta.url));
const here = fileURLToPath(new URL("../", import.meta.url));

/** What is wrong with the types of files, by the workspace's settings and the packages' sources. */
export function typeErrors(files: readonly string[]): { file: string | undefined; line: number; problem: string }[] {
  const { config } = ts.readConfigFile(preset, ts.sys.readFile) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, files }, ts.sys, here);
  const program = ts.createProgram(files, {
    ...options,
    allowJs: true,
    checkJs: true,
    moduleDetection: ts.ModuleDetectionKind.Force,
    // By default they are looked for from the folder in which the tests happen to be started.
    typeRoots: [fileURLToPath(new URL("../node_modules/@types", import.meta.url))],
    paths: Object.fromEntries([...sources()].map(([name, source]) => [name, [source]])),
  });
  return ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => file === undefined || files.includes(file.fileName))
    .map(({ file, start = 0, messageText }) => ({
      file: file?.fileName,
      line: file === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line + 1,
      problem: ts.flattenDiagnosticMessageText(messageText, "\n"),
    }));
}
