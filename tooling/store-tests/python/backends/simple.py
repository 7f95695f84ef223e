"""SimpleChatStore, and the texts and files that it and ChatMemoryBuffer write."""

from dumps import dump
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.storage.chat_store import SimpleChatStore

from tokens import TOKENIZERS


def make_store():
    return SimpleChatStore()


def conversations(store):
    return {key: [dump(each) for each in store.get_messages(key)] for key in store.get_keys()}


def buffer(store, order):
    return ChatMemoryBuffer.from_defaults(
        chat_store=store,
        chat_store_key=order["key"],
        token_limit=order["limit"],
        tokenizer_fn=TOKENIZERS["words"],
    )


def remembered(text):
    memory = ChatMemoryBuffer.from_string(text)
    return {
        "limit": memory.token_limit,
        "key": memory.chat_store_key,
        "conversations": conversations(memory.chat_store),
    }


def change_aside(store, order):
    """Changes a list that was handed in, and then a message that was handed out: never the store itself."""
    handed_in = [ChatMessage(content="a")]
    store.set_messages(order["key"], handed_in)
    handed_in.append(ChatMessage(content="b"))
    store.get_messages(order["key"])[0].content = "A"


ORDERS = {
    "change_aside": change_aside,
    "persist": lambda store, order: store.persist(order["path"]),
    "load": lambda _store, order: conversations(SimpleChatStore.from_persist_path(order["path"])),
    "json": lambda store, _order: store.json(),
    "model_dump_json": lambda store, _order: store.model_dump_json(),
    "from_json": lambda _store, order: conversations(SimpleChatStore.from_json(order["text"])),
    "model_validate_json": lambda _store, order: conversations(SimpleChatStore.model_validate_json(order["text"])),
    "to_string": lambda store, order: buffer(store, order).to_string(),
    "from_string": lambda _store, order: remembered(order["text"]),
}
