from llama_index.storage.chat_store.azure.base import AzureChatStore


def make_store(connection_string, **settings):
    return AzureChatStore.from_connection_string(connection_string, **settings)
