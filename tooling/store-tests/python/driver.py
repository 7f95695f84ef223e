"""A chat store of LlamaIndex, as its package is published: one order per line of JSON, one answer per line.

The argument names the file in `backends` whose `make_store` makes it from the settings in the first line."""

import importlib
import json
import sys
from decimal import Decimal

from llama_index.core.base.llms.types import ChatMessage


def plain(value):
    """For what some stores give back, and JSON has no form for: Decimal, bytes, URLs."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.decode("ascii") if isinstance(value, bytes) else str(value)


def dump(message):
    """Some stores answer a message, others the text that they kept."""
    if message is None:
        return None
    if isinstance(message, (str, bytes)):
        return json.loads(message)
    return json.loads(json.dumps(message.model_dump(), default=plain))


def run(store, order):
    key, do = order.get("key"), order["do"]
    messages = [ChatMessage.model_validate(each) for each in order.get("messages", [])]
    if do == "get":
        return [dump(each) for each in store.get_messages(key)]
    if do == "set":
        return store.set_messages(key, messages)
    if do == "add":
        for each in messages:
            store.add_message(key, each)
        return None
    if do == "delete":
        return dump(store.delete_message(key, order["index"]))
    if do == "pop":
        return dump(store.delete_last_message(key))
    if do == "forget":
        store.delete_messages(key)
        return None
    if do == "keys":
        return store.get_keys()
    raise ValueError(do)


def main():
    settings = json.loads(sys.stdin.readline())
    store = importlib.import_module(f"backends.{sys.argv[1]}").make_store(**settings)
    print(json.dumps({"answer": "ready"}), flush=True)
    for line in sys.stdin:
        try:
            answer = {"answer": run(store, json.loads(line))}
        except Exception as error:  # noqa: BLE001: told to the test
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
