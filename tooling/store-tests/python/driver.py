"""Chat stores of LlamaIndex, as its packages are published: one order per line of JSON, one answer per line.

The order `make` names a file in `backends` whose `make_store` makes a store from settings, and the name by which later
orders mean it. The file may have `on_write(store, call)`, which has `call` called before each write to the server, and
orders of its own in `ORDERS`. Many stores in one process, as starting one takes seconds."""

import asyncio
import importlib
import inspect
import itertools
import json
import sys
from importlib.metadata import distributions
from platform import python_version

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer

from dumps import dump
from tokens import TOKENIZERS


def windows(store, order):
    """What ChatMemoryBuffer keeps of a conversation, for each limit."""
    memories = [
        ChatMemoryBuffer.from_defaults(
            chat_store=store,
            chat_store_key=order["key"],
            token_limit=limit,
            tokenizer_fn=TOKENIZERS[order["tokenizer"]],
        )
        for limit in order["limits"]
    ]
    return [[dump(each) for each in memory.get()] for memory in memories]


def call(store, order):
    """Any method, by its name."""
    answer = getattr(store, order["method"])(*order["args"])
    if inspect.isawaitable(answer):
        answer = asyncio.run(_awaited(answer))
    return json.loads(json.dumps(answer, default=repr))


async def _awaited(answer):
    return await answer


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
    if do == "insert":
        store.add_message(key, messages[0], order["index"])
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
    if do == "windows":
        return windows(store, order)
    if do == "call":
        return call(store, order)
    raise ValueError(do)


def versions():
    """Of all that is installed, by name, and Python's own."""
    return {"python": python_version(), **{each.name.lower(): each.version for each in distributions()}}


# Old versions of LlamaIndex print.
ANSWERS, sys.stdout = sys.stdout, sys.stderr


def tell(answer):
    print(json.dumps(answer), file=ANSWERS, flush=True)


class Stores:
    def __init__(self):
        self.made = {}
        self.waiting = None

    def before_write(self):
        """Lets the test do something between two steps of an order."""
        if self.waiting is not None and next(self.waiting) == 0:
            tell({"paused": True})
            sys.stdin.readline()

    def make(self, name, backend, settings):
        module = importlib.import_module(f"backends.{backend}")
        store = module.make_store(**settings)
        if hasattr(module, "on_write"):
            module.on_write(store, self.before_write)
        self.made[name] = store, getattr(module, "ORDERS", {})

    def do(self, order):
        if order["do"] == "versions":
            return versions()
        if order["do"] == "make":
            return self.make(order["store"], order["backend"], order["settings"])
        store, orders = self.made[order["store"]]
        self.waiting = itertools.count(1 - order["pauseBefore"]) if "pauseBefore" in order else None
        return orders.get(order["do"], run)(store, order)


def main():
    stores = Stores()
    for line in sys.stdin:
        try:
            answer = {"answer": stores.do(json.loads(line))}
        except Exception as error:  # noqa: BLE001: told to the test
            answer = {"error": f"{type(error).__name__}: {error}"}
        tell(answer)


main()
