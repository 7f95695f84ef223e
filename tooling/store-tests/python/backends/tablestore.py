from llama_index.storage.chat_store.tablestore.base import TablestoreChatStore


def make_store(**settings):
    store = TablestoreChatStore(**settings)
    store.create_table_if_not_exist()
    return store
