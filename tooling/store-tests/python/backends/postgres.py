from llama_index.storage.chat_store.postgres.base import PostgresChatStore


def make_store(uri, **settings):
    return PostgresChatStore.from_uri(uri, **settings)
