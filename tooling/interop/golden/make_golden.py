"""
Writes the golden files with the llama-index-core of this interpreter:
`make_golden.py <golden folder> <stored folder>`.

The stored folder holds, for each environment, what persist_file.py wrote with it.
"""

import contextlib
import json
import os
import shutil
import sys
import tempfile
from importlib.metadata import version
from random import Random

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.storage.chat_store import SimpleChatStore
from llama_index.core.storage.chat_store.loading import load_chat_store
from llama_index.core.utils import get_tokenizer
from pydantic import ValidationError

import odd_messages
from histories import all_histories
from memory_cases import memory_cases
from persist_file import PNG
from readable_json import to_json, write_lines
from texts import all_texts

LLAMA_INDEX = version("llama-index-core")
TIKTOKEN = version("tiktoken")

# The environment that wrote a file under persist/. Each is what a real version wrote, the
# double-encoded one too: up to 0.11.3 persist called json.dumps on text that was JSON already.
PERSISTED = {
    "newest.json": "newest",
    "spaced-blocks.json": "mid",
    "legacy-content.json": "plain",
    "double-encoded.json": "old",
}


def as_json(message):
    return json.loads(message.model_dump_json())


# --- windows.json ---


def window(history, limit, initial):
    memory = ChatMemoryBuffer.from_defaults(chat_history=list(history), token_limit=limit)
    run = {"limit": limit, "initial": initial}
    try:
        kept = memory.get(initial_token_count=initial)
    except ValueError as error:
        return {**run, "error": str(error)}
    suffix = history[len(history) - len(kept) :]
    assert len(kept) == len(suffix) and all(a is b and a == b for a, b in zip(kept, suffix))
    return {**run, "kept": len(kept)}


def suffix_counts(history):
    memory = ChatMemoryBuffer.from_defaults()
    return [memory._token_count_for_messages(history[-length:]) for length in range(1, len(history) + 1)]


def interesting_runs(random, counts):
    """Limits at the edges of what the suffixes cost, and initial counts that move those edges."""
    total = counts[-1] if counts else 0
    chosen = {0, len(counts) // 2, len(counts) - 2, len(counts) - 1} & set(range(len(counts)))
    chosen |= set(random.sample(range(len(counts)), min(3, len(counts))))
    edges = sorted({counts[index] for index in chosen})

    runs = [(1, 0), (2, 0), (5, 3), (1_000_000, 0), (3000, 0), (1, 1), (1, 2), (10, 11)]
    for edge in edges:
        runs += [(edge + step, 0) for step in (-1, 0, 1)]
        initial = random.choice([1, 7, 100, total])
        runs += [(edge + initial + step, initial) for step in (-1, 0, 1)]
    runs += [(total + 5, 5), (total + 5, 6), (total, total), (total, total + 1), (2 * total, total // 2)]
    return sorted({(limit, initial) for limit, initial in runs if limit >= 1})


def windows():
    cases = []
    for name, history in all_histories():
        counts = suffix_counts(history)
        runs = interesting_runs(Random(name), counts)
        cases.append(
            {
                "name": name,
                "messages": [as_json(message) for message in history],
                "total": counts[-1] if counts else 0,
                "runs": [window(history, limit, initial) for limit, initial in runs],
            }
        )
    names = [case["name"] for case in cases]
    assert len(names) == len(set(names)) and len(names) >= 320
    return cases


# --- tokens.json ---


def tokens():
    tokenize = get_tokenizer()
    texts, runs = all_texts()
    return [
        *({"text": text, "tokens": len(tokenize(text))} for text in texts),
        *({"repeat": [unit, times], "tokens": len(tokenize(unit * times))} for unit, times in runs),
    ]


# --- persist/ ---


def write_persisted(stored, folder):
    os.makedirs(folder, exist_ok=True)
    for name, environment in PERSISTED.items():
        path = os.path.join(folder, name)
        shutil.copyfile(os.path.join(stored, f"{environment}.persist.json"), path)
        store = SimpleChatStore.from_persist_path(path)
        lines = [
            f"{to_json(key)}:[\n" + ",\n".join(to_json(as_json(message)) for message in store.get_messages(key)) + "\n]"
            for key in store.get_keys()
        ]
        expected = os.path.join(folder, name.replace(".json", ".expected.json"))
        with open(expected, "w", encoding="utf-8", newline="\n") as file:
            file.write("{\n" + ",\n".join(lines) + "\n}\n")


# --- to-string/ ---

# Before chat stores, a memory wrote its messages as a list; from_dict still takes that form.
LEGACY_MEMORIES = {
    "legacy list": {
        "token_limit": 1500,
        "chat_history": [
            {"role": "user", "content": "Hello é", "additional_kwargs": {}},
            {"role": "assistant", "content": None, "additional_kwargs": {"tool_calls": []}},
        ],
    },
    "legacy list of blocks": {
        "chat_history": [{"role": "user", "blocks": [{"block_type": "text", "text": "Hello"}]}],
        "token_limit": 3000,
        "class_name": "ChatMemoryBuffer",
    },
    "legacy list and another key": {
        "token_limit": 3000,
        "chat_store_key": "alice",
        "chat_history": [{"role": "user", "content": "Not under this key"}],
    },
    "legacy list and a chat store": {
        "token_limit": 3000,
        "chat_history": [{"role": "user", "content": "list"}],
        "chat_store": {"store": {"chat_history": [{"role": "user", "content": "store"}]}, "class_name": "SimpleChatStore"},
    },
    "legacy empty list": {"token_limit": 3000, "chat_history": []},
    "no messages at all": {"token_limit": 3000},
}


def memory_case(name, text):
    memory = ChatMemoryBuffer.from_string(text)
    return {
        "name": name,
        "text": text,
        "tokenLimit": memory.token_limit,
        "chatStoreKey": memory.chat_store_key,
        "messages": [as_json(message) for message in memory.get_all()],
    }


def write_memories(stored, folder):
    os.makedirs(folder, exist_ok=True)

    def cases(environment):
        with open(os.path.join(stored, f"{environment}.memories.json"), encoding="utf-8") as file:
            data = json.load(file)
        return data["llamaIndexCore"], [memory_case(item["name"], item["text"]) for item in data["memories"]]

    newest, memories = cases("newest")
    for case in memories:
        assert ChatMemoryBuffer.from_string(case["text"]).to_string() == case["text"]
    memories += [memory_case(name, json.dumps(data)) for name, data in LEGACY_MEMORIES.items()]
    write_lines(os.path.join(folder, "newest.json"), {"llamaIndexCore": newest}, memories=memories)

    older = []
    for environment in ["mid", "plain", "old"]:
        release, memories = cases(environment)
        older += [{**case, "name": f"{release}: {case['name']}"} for case in memories]
    write_lines(os.path.join(folder, "older.json"), {}, memories=older)


# --- messages.json ---


def spaced(message):
    try:
        return json.dumps(message.model_dump())
    except TypeError:
        # Bytes and URLs: what uses json.dumps cannot store such a message.
        return None


def accepted_case(name, text):
    message = ChatMessage.model_validate(json.loads(text))
    compact = message.model_dump_json()
    assert ChatMessage.model_validate_json(text).model_dump_json() == compact
    case = {"name": name, "input": json.loads(text)}
    if name in odd_messages.NUMBERS:
        case = {"name": name, "inputText": text}
    return {**case, "compact": compact, "spaced": spaced(message), "content": message.content}


def refusal(read, value):
    try:
        read(value)
    except ValidationError as error:
        return error.errors()[0]["type"]
    except (AttributeError, TypeError):
        # The legacy images raise these from inside the validation.
        return "exception"
    raise AssertionError(f"accepted: {value}")


def refused_case(name, value):
    reason = refusal(ChatMessage.model_validate, value)
    refusal(ChatMessage.model_validate_json, json.dumps(value))
    return {"name": name, "input": value, "refused": True, "reason": reason}


def lone_surrogate_case(name, text):
    message = ChatMessage.model_validate(json.loads(text))
    with contextlib.suppress(ValueError):
        message.model_dump_json()
        raise AssertionError("a lone surrogate was written")
    refusal(ChatMessage.model_validate_json, text)
    return {"name": name, "inputText": text, "refusedAsText": True, "unwritable": True}


@contextlib.contextmanager
def stored_file(text):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "store.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        yield path


def reads(text):
    """What from_persist_path makes of a file: the messages by key, or None when it refuses it."""
    with stored_file(text) as path:
        try:
            store = SimpleChatStore.from_persist_path(path)
        except (ValueError, TypeError):
            return None
    return {key: [as_json(message) for message in store.get_messages(key)] for key in store.get_keys()}


def error_of(action):
    try:
        action()
    except ValidationError as error:
        return error.errors()[0]["msg"]
    except (ValueError, TypeError, IndexError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def facts():
    chats = {"a": [{"role": "user", "content": "Hello"}]}
    read = reads(json.dumps({"store": chats}))
    assert list(read) == ["a"]
    extended = {"store": chats, "class_name": "SimpleChatStore", "chatkeep": {"expires": {"a": 1}}}
    unwritable = SimpleChatStore(store={"a": [ChatMessage(content="\ud800")]})

    with stored_file("") as path:
        os.remove(path)
        absent = SimpleChatStore.from_persist_path(path).get_keys() == []
        SimpleChatStore(store={"a": [ChatMessage(content="\u2028é")]}).persist(path)
        with open(path, encoding="utf-8") as file:
            unescaped = "\u2028é" in file.read()
        surrogate_error = error_of(lambda: unwritable.persist(path))
        with open(path, encoding="utf-8") as file:
            left_after_failure = file.read()

    def buffer(**data):
        return lambda: ChatMemoryBuffer.from_dict(data)

    return {
        "unknownStoreMembersIgnored": reads(json.dumps(extended)) == read,
        "unknownStoreMembersDroppedOnWrite": "chatkeep" not in SimpleChatStore.model_validate(extended).model_dump_json(),
        "storeClassNameOptional": read is not None,
        "storeClassNameIgnored": reads(json.dumps({**extended, "class_name": "Other"})) == read,
        "storeMemberOptional": reads("{}") == {},
        "storeNullRefused": reads('{"store":null}') is None,
        "storeListRefused": reads('{"store":[]}') is None,
        "rootListRefused": reads("[]") is None,
        "emptyFileRefused": reads("") is None,
        "byteOrderMarkRefused": reads("\ufeff" + json.dumps(extended)) is None,
        "absentFileIsEmptyStore": absent,
        "doubleEncodedAccepted": reads(json.dumps(json.dumps(extended))) == read,
        "tripleEncodedRefused": reads(json.dumps(json.dumps(json.dumps(extended)))) is None,
        "oneBadMessageRefusesTheFile": reads('{"store":{"a":[],"b":[{"role":"memory"}]}}') is None,
        "messagesNullRefused": reads('{"store":{"a":null}}') is None,
        "messagesObjectRefused": reads('{"store":{"a":{}}}') is None,
        "nonAsciiWrittenUnescaped": unescaped,
        "loneSurrogatePersistFails": surrogate_error is not None,
        "fileTextAfterFailedPersist": left_after_failure,
        "tokenLimitZero": error_of(buffer(token_limit=0)),
        "tokenLimitNegative": error_of(buffer(token_limit=-1)),
        "tokenLimitAbsent": error_of(buffer()),
        "tokenLimitFraction": error_of(buffer(token_limit=1.5)),
        "tokenLimitText": error_of(buffer(token_limit="10")),
        "loadWithoutClassName": error_of(lambda: load_chat_store({"store": {}})),
        "loadOtherClassName": error_of(lambda: load_chat_store({"class_name": "RedisChatStore"})),
        "deleteLastOfEmpty": error_of(lambda: SimpleChatStore(store={"a": []}).delete_last_message("a")),
        "deleteLastOfAbsent": error_of(lambda: SimpleChatStore().delete_last_message("a")),
        "deleteMinusTwoOfOne": error_of(lambda: SimpleChatStore(store=chats).delete_message("a", -2)),
    }


@contextlib.contextmanager
def picture_folder():
    """The folder that relative paths of image blocks are looked up in."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, odd_messages.PICTURE_FILE), "wb") as file:
            file.write(PNG)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def main():
    golden, stored = (os.path.abspath(path) for path in sys.argv[1:])
    os.makedirs(golden, exist_ok=True)
    versions = {"llamaIndexCore": LLAMA_INDEX, "tiktoken": TIKTOKEN}

    write_lines(os.path.join(golden, "windows.json"), versions, cases=windows())
    write_lines(os.path.join(golden, "memory-cases.json"), versions, cases=memory_cases(as_json))
    write_lines(os.path.join(golden, "tokens.json"), {"tiktoken": TIKTOKEN}, texts=tokens())
    write_persisted(stored, os.path.join(golden, "persist"))
    write_memories(stored, os.path.join(golden, "to-string"))
    with picture_folder():
        write_lines(
            os.path.join(golden, "messages.json"),
            {"llamaIndexCore": LLAMA_INDEX, "pydantic": version("pydantic"), "facts": facts()},
            messages=[accepted_case(name, text) for name, text in odd_messages.accepted()],
            refused=[refused_case(name, value) for name, value in odd_messages.refused()],
            loneSurrogates=[lone_surrogate_case(*item) for item in odd_messages.LONE_SURROGATES.items()],
        )


if __name__ == "__main__":
    main()
