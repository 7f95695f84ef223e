from llama_index.storage.chat_store.redis.base import RedisChatStore
from watched import before_each


def make_store(**settings):
    return RedisChatStore(**settings)


def on_write(store, call):
    client = getattr(store, "_redis_client", None) or store.redis_client
    before_each(client, ("delete", "rpush", "lpush"), call)


def expire(store, order):
    store.ttl = order["seconds"]


ORDERS = {"expire": expire}
