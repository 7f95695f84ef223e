from llama_index.storage.chat_store.upstash.base import UpstashChatStore
from watched import before_each


def make_store(**settings):
    return UpstashChatStore(**settings)


def on_write(store, call):
    before_each(store._sync_redis_client, ("delete", "rpush"), call)


def expire(store, order):
    store.ttl = order["seconds"]


ORDERS = {"expire": expire}
