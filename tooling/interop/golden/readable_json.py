"""JSON text that is exact and still readable in a diff."""

import json
import unicodedata


def to_json(value):
    """One line, no spaces. Letters stay as they are, invisible characters and lone surrogates are escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return "".join(char if is_visible(char) else escape(char) for char in text)


def is_visible(char):
    return char == " " or unicodedata.category(char)[0] not in "CZ"


def escape(char):
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def write_lines(path, head, **lists):
    """Writes the object {**head, **lists} with one line for each item of a list."""
    members = [f"{to_json(name)}:{to_json(value)}" for name, value in head.items()]
    for name, items in lists.items():
        lines = ",\n".join(to_json(item) for item in items)
        members.append(f"{to_json(name)}:[\n{lines}\n]")
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("{\n" + ",\n".join(members) + "\n}\n")
