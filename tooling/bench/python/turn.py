"""Turns of LlamaIndex's ChatMemoryBuffer on its RedisChatStore: one line of JSON, the milliseconds, for each."""

import json
import sys
import time

from llama_index.core.llms import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.storage.chat_store.redis import RedisChatStore

url, key, limit = sys.argv[1:]
memory = ChatMemoryBuffer.from_defaults(
    token_limit=int(limit),
    chat_store=RedisChatStore(redis_url=url, ttl=86400),
    chat_store_key=key,
)

# The tokenizer is loaded with the first memory.
print("ready", flush=True)

for line in sys.stdin:
    texts = json.loads(line)
    began = time.perf_counter()
    for role, text in zip(("user", "assistant"), texts):
        memory.put(ChatMessage(role=role, content=text))
    window = memory.get()
    elapsed = (time.perf_counter() - began) * 1000
    print(json.dumps({"ms": elapsed, "messages": len(window)}), flush=True)
