const begin = (name: string) => `<!-- ${name}: begin, written by pnpm bench -->`;
const end = (name: string) => `<!-- ${name}: end -->`;

/** The document with other text between the markers of that name. */
export function writeBetween(document: string, name: string, text: string): string {
  const from = document.indexOf(begin(name));
  const to = document.indexOf(end(name));
  if (from < 0 || to < from) throw new Error(`the document has no markers "${name}"`);
  return `${document.slice(0, from + begin(name).length)}\n\n${text.trim()}\n\n${document.slice(to)}`;
}
