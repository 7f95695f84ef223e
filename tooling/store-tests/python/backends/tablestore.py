from llama_index.storage.chat_store.tablestore.base import TablestoreChatStore


def make_store(**settings):
    store = TablestoreChatStore(**settings)
    store.create_table_if_not_exist()
    return store


def on_write(store, call):
    put = store._tablestore_client.put_row

    def write(*args, **options):
        call()
        return put(*args, **options)

    store._tablestore_client.put_row = write
