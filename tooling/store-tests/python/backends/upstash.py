from llama_index.storage.chat_store.upstash.base import UpstashChatStore


def make_store(**settings):
    return UpstashChatStore(**settings)


def on_write(store, call):
    client = store._sync_redis_client
    for name in ("delete", "rpush"):

        def write(*args, send=getattr(client, name)):
            call()
            return send(*args)

        setattr(client, name, write)


def expire(store, order):
    store.ttl = order["seconds"]


ORDERS = {"expire": expire}
