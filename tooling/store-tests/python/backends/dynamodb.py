from llama_index.storage.chat_store.dynamodb.base import DynamoDBChatStore


def make_store(endpoint_url, **settings):
    return DynamoDBChatStore(resource_kwargs={"endpoint_url": endpoint_url}, **settings)


def on_write(store, call):
    store._table.meta.client.meta.events.register("before-call.dynamodb.PutItem", lambda **_: call())


def expire(store, order):
    store.ttl_seconds = order["seconds"]


ORDERS = {"expire": expire}
