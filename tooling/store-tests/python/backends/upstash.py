from llama_index.storage.chat_store.upstash.base import UpstashChatStore


def make_store(**settings):
    return UpstashChatStore(**settings)


def expire(store, order):
    store.ttl = order["seconds"]


ORDERS = {"expire": expire}
