/** A tokenizer whose counts add up as a real one's do. In `python/tokens.py` it is there for Python. */
export const words = (text: string): string[] => text.match(/[a-zA-Z]+|[^a-zA-Z \n]/gu) ?? [];
