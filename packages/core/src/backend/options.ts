import { describe, invalid } from "./validate.js";

/** Throws `INVALID_ARGUMENT` when the options are none, or hold one that is not known. */
export function checkOptionNames(options: unknown, known: readonly string[], whose = "this store"): void {
  if (typeof options !== "object" || options === null) {
    throw invalid(`The options of ${whose} are an object, not ${describe(options)}.`);
  }
  const stranger = Object.keys(options).find((name) => !known.includes(name));
  if (stranger !== undefined) throw invalid(`${stranger} is no option of ${whose}. There are: ${known.join(", ")}.`);
}

/** Throws `INVALID_ARGUMENT` when a client was handed in together with what one would be made of. */
export function checkClientAlone<Options extends object>(
  client: keyof Options & string,
  options: Options,
  connection: readonly (keyof Options & string)[],
): void {
  const given = connection.filter((name) => options[name] !== undefined);
  if (options[client] === undefined || given.length === 0) return;
  throw invalid(`${client} and ${given.join(", ")} exclude each other: the ${client} has its own.`);
}

/** The value of an option that has two names; both may be given if they say the same. */
export function oneOf<T>(name: string, value: T | undefined, alias: string, other: T | undefined): T | undefined {
  if (value !== undefined && other !== undefined && value !== other) {
    throw invalid(`${alias} is another name of ${name}: give one of them.`);
  }
  return value ?? other;
}
