from llama_index.storage.chat_store.redis.base import RedisChatStore


def make_store(**settings):
    return RedisChatStore(**settings)
