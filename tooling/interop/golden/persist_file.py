"""
Writes what one version of llama-index-core stores: `persist_file.py <persist.json> <memories.json>`.

Runs unchanged under every version in the requirements files, so it only uses what the
version at hand has: its roles, and of the blocks those which it is able to persist.
"""

import base64
import json
import os
import sys
import tempfile
from importlib.metadata import version

from llama_index.core.base.llms import types
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.storage.chat_store import SimpleChatStore

VERSION = version("llama-index-core")

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00"
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"

NESTED = {
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "search", "arguments": '{"q": "Zürich \\"x\\""}'},
        }
    ],
    "float": 1.0,
    "small": 1e-07,
    "large": 1e22,
    "third": 1 / 3,
    "negative zero": -0.0,
    "integer": -12,
    "big": 9007199254740993,
    "flags": [True, False, None],
    "deep": {"list": [[], {}, [{"é": "\u2028 \x7f \x00 \t \\ / \"", "emoji": "👩‍👩‍👧"}]]},
    "": "empty key",
    "__proto__": {"polluted": True},
}

TEXTS = [
    "",
    " ",
    "Hello",
    "Grüße, 你好, سلام, 👩‍👩‍👧‍👦, e\u0301",
    'quotes " and \' and \\ and / and <b>&amp;</b>',
    "line\nbreak\r\ntab\tnull\x00bell\x07escape\x1bdelete\x7f",
    "\ufeffbom \u00a0nbsp \u0085nel \u2028ls \u2029ps \u200bzwsp \u3000wide",
    "```ts\nconst a = { b: `${c}` };\n```",
]


def block(name, **fields):
    """A maker, because the versions before blocks do not have these types."""
    return lambda: getattr(types, name)(**fields)


BLOCKS = [
    block("TextBlock", text="text"),
    block("ImageBlock"),
    block("ImageBlock", image=PNG, detail="low"),
    block("ImageBlock", url="https://example.com", detail="auto"),
    block("ImageBlock", image_mimetype="image/webp", detail="high"),
    block("AudioBlock"),
    block("AudioBlock", audio=WAV),
    block("AudioBlock", url="https://example.com/ä b.mp3"),
    block("AudioBlock", format="ogg"),
    block("VideoBlock"),
    block("VideoBlock", video=MP4, detail="low", fps=24),
    block("VideoBlock", url="https://example.com/a.mp4"),
    block("VideoBlock", video_mimetype="video/webm", detail="high", fps=1),
    block("DocumentBlock"),
    block("DocumentBlock", data=PDF, title="Größe.pdf"),
    block("DocumentBlock", path="folder/absent.txt", title="absent"),
    block("DocumentBlock", url="https://example.com/a.pdf", document_mimetype="application/pdf"),
    block("CachePoint", cache_control={"type": "ephemeral"}),
    block("CachePoint", cache_control={"type": "ephemeral", "ttl": "1h"}),
    block("CitableBlock", title="Title", source="Source", content="Cited text"),
    block(
        "CitableBlock",
        title="",
        source="",
        content=[
            {"block_type": "text", "text": "one"},
            {"block_type": "image", "detail": "low"},
            {"block_type": "document", "url": "https://example.com/a.txt"},
        ],
    ),
    block("CitationBlock", title="T", source="S", cited_content="cited", additional_location_info={"start": 3, "é": -1}),
    block("CitationBlock", title="T", source="S", cited_content={"block_type": "image"}, additional_location_info={}),
    block("ThinkingBlock"),
    block("ThinkingBlock", content="hmm …", num_tokens=3, additional_information={"signature": "abc==", "score": 0.5}),
    block("ToolCallBlock", tool_name="search"),
    block("ToolCallBlock", tool_call_id="call_1", tool_name="search", tool_kwargs={"q": "x", "n": 1.0, "deep": [None]}),
    block("ToolCallBlock", tool_call_id="call_2", tool_name="search", tool_kwargs='{"q": "unparsed'),
]


def has_blocks():
    fields = getattr(ChatMessage, "model_fields", None) or ChatMessage.__fields__
    return "blocks" in fields


def is_persistable(message):
    """Versions whose persist uses json.dumps refuse bytes and URLs."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            SimpleChatStore(store={"key": [message]}).persist(os.path.join(folder, "store.json"))
        except TypeError:
            return False
    return True


def block_messages():
    messages = []
    for make in BLOCKS:
        message = ChatMessage(role="assistant", blocks=[make()])
        if is_persistable(message):
            messages.append(message)
        else:
            print(f"{VERSION} cannot persist a {message.blocks[0].block_type} block with bytes or a URL", file=sys.stderr)
    return messages


def chats():
    tool_chat = [
        ChatMessage(role="system", content="You are helpful."),
        ChatMessage(role="user", content="Search x"),
        ChatMessage(role="assistant", content=None, additional_kwargs={"tool_calls": NESTED["tool_calls"]}),
        ChatMessage(role="tool", content="42", additional_kwargs={"tool_call_id": "call_1", "name": "search"}),
        ChatMessage(role="assistant", content="It is 42."),
    ]
    result = {
        "chat_history": tool_chat,
        "roles": [ChatMessage(role=role, content=f"I am {role.value}") for role in MessageRole],
        "texts": [ChatMessage(role="user", content=text) for text in TEXTS],
        "kwargs": [ChatMessage(role="assistant", content="nested", additional_kwargs=NESTED)],
        "no messages": [],
        'key "with" \\ quotes': [ChatMessage(role="user", content="quotes")],
        "emoji 👩‍👩‍👧 é": [ChatMessage(role="user", content="emoji")],
        "line\nbreak\tand \u2028": [ChatMessage(role="user", content="line")],
        "": [ChatMessage(role="user", content="empty key")],
        "__proto__": [ChatMessage(role="user", content="proto")],
        "2024": [ChatMessage(role="user", content="an integer-like key")],
    }
    if has_blocks():
        result["blocks"] = block_messages()
        texts = [types.TextBlock(text="one"), types.TextBlock(text=""), types.TextBlock(text="two")]
        result["many blocks"] = [ChatMessage(role="user", blocks=[*texts, types.ImageBlock(detail="low")])]
    return result


def memories():
    plain = [ChatMessage(role="user", content="Hello é"), ChatMessage(role="assistant", content="Hi 👋")]
    store = SimpleChatStore()
    store.set_messages("alice", plain)
    store.set_messages("bob", [ChatMessage(role="user", content="Another chat of the same store")])
    tools = [
        ChatMessage(role="assistant", content=None, additional_kwargs=NESTED),
        ChatMessage(role="tool", content="42", additional_kwargs={"tool_call_id": "call_1"}),
    ]
    arguments = {
        "empty": {},
        "two messages": {"chat_history": plain},
        "token limit": {"chat_history": plain, "token_limit": 1},
        "another key": {"chat_store": store, "chat_store_key": "alice", "token_limit": 40000},
        "a key without messages": {"chat_store": store, "chat_store_key": "nobody"},
        "tool calls": {"chat_history": tools},
    }
    # Not stored; without it an old version would look for its tokenizer on the network.
    return {name: ChatMemoryBuffer.from_defaults(tokenizer_fn=str.split, **args) for name, args in arguments.items()}


def main():
    persist_path, memories_path = sys.argv[1:]
    store = SimpleChatStore()
    for key, messages in chats().items():
        store.set_messages(key, messages)
    store.persist(persist_path)

    texts = [{"name": name, "text": memory.to_string()} for name, memory in memories().items()]
    with open(memories_path, "w", encoding="utf-8") as file:
        json.dump({"llamaIndexCore": VERSION, "memories": texts}, file)


if __name__ == "__main__":
    main()
