from azure.data.tables.aio import TableClient
from llama_index.storage.chat_store.azure.base import AzureChatStore


def make_store(connection_string, **settings):
    return AzureChatStore.from_connection_string(connection_string, **settings)


def on_write(_store, call):
    create = TableClient.create_entity

    async def write(*args, **options):
        call()
        return await create(*args, **options)

    TableClient.create_entity = write
