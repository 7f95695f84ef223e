from llama_index.storage.chat_store.tablestore.base import TablestoreChatStore
from watched import before_each


def make_store(**settings):
    store = TablestoreChatStore(**settings)
    store.create_table_if_not_exist()
    return store


def on_write(store, call):
    before_each(store._tablestore_client, ("put_row",), call)
