"""LlamaIndex's own DynamoDBChatStore, as its package is published: one order per line of JSON, one answer per line."""

import json
import sys
from decimal import Decimal

from llama_index.core.base.llms.types import ChatMessage
from llama_index.storage.chat_store.dynamodb.base import DynamoDBChatStore


def plain(value):
    """Numbers come out of DynamoDB as Decimal, in which Python keeps them."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.decode("ascii") if isinstance(value, bytes) else str(value)


def dump(message):
    return None if message is None else json.loads(json.dumps(message.model_dump(), default=plain))


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
        return [dump(each) for each in store.delete_messages(key)]
    if do == "keys":
        return store.get_keys()
    raise ValueError(do)


def main():
    settings = json.loads(sys.stdin.readline())
    endpoint = settings.pop("endpoint_url")
    store = DynamoDBChatStore(resource_kwargs={"endpoint_url": endpoint}, **settings)
    for line in sys.stdin:
        try:
            answer = {"answer": run(store, json.loads(line))}
        except Exception as error:  # noqa: BLE001: told to the test
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
