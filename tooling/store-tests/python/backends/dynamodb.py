from llama_index.storage.chat_store.dynamodb.base import DynamoDBChatStore


def make_store(endpoint_url, **settings):
    return DynamoDBChatStore(resource_kwargs={"endpoint_url": endpoint_url}, **settings)
