from llama_index.storage.chat_store.redis.base import RedisChatStore


def make_store(**settings):
    return RedisChatStore(**settings)


def on_write(store, call):
    client = getattr(store, "_redis_client", None) or store.redis_client
    for name in ("delete", "rpush", "lpush"):

        def write(*args, send=getattr(client, name)):
            call()
            return send(*args)

        setattr(client, name, write)


def expire(store, order):
    store.ttl = order["seconds"]


ORDERS = {"expire": expire}
