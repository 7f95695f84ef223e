"""Inputs of messages.json: what is stored for a message, by name."""

import json

from llama_index.core.base.llms.types import MessageRole

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAA="
MP4 = "AAAAGGZ0eXBtcDQyAAAAAG1wNDJpc29t"
PDF = "JVBERi0xLjQKJeLjz9MK"

# Exists beside the script's working directory while the inputs are read.
PICTURE_FILE = "picture.png"

BLOCKS = {
    "text": {"text": "Hello"},
    "text, empty": {"text": ""},
    "image, none set": {},
    "image, all set": {"image": PNG, "url": "https://example.com/a.png", "image_mimetype": "image/png", "detail": "low"},
    "image, base64 without a mimetype": {"image": PNG},
    "image, base64 of unknown bytes": {"image": "AAECAwQ="},
    "image, not base64": {"image": "not base64!"},
    "image, base64 without padding": {"image": "AAECAwQ"},
    "image, base64url": {"image": "-_-_"},
    "image, empty": {"image": ""},
    "image, path": {"path": PICTURE_FILE},
    "image, url without a path": {"url": "https://example.com"},
    "image, url to normalise": {"url": "HTTPS://EXAMPLE.com:443/a/../b c.JPG?q=ä#é"},
    "image, international host": {"url": "https://bücher.example/ü.webp"},
    "image, url with a query": {"url": "https://example.com/a.png?size=1"},
    "image, data url": {"url": f"data:image/png;base64,{PNG}"},
    "image, file url": {"url": "file:///pictures/a.gif"},
    "image, object store url": {"url": "s3://bucket/key.png"},
    "image, url of a document": {"url": "https://example.com/a.pdf"},
    "audio, none set": {},
    "audio, all set": {"audio": WAV, "url": "https://example.com/a.wav", "format": "wav"},
    "audio, base64 without a format": {"audio": WAV},
    "audio, not base64": {"audio": "not base64!"},
    "audio, url": {"url": "https://example.com/a.mp3"},
    "video, none set": {},
    "video, all set": {
        "video": MP4,
        "url": "https://example.com/a.mp4",
        "video_mimetype": "video/mp4",
        "detail": "high",
        "fps": 24,
    },
    "video, base64 without a mimetype": {"video": MP4},
    "video, not base64": {"video": "AAECAwQ"},
    "video, url": {"url": "https://example.com/a.webm"},
    "video, fps as text": {"fps": "3"},
    "video, fps as a whole float": {"fps": 3.0},
    "video, fps as a boolean": {"fps": True},
    "document, none set": {},
    "document, all set": {
        "data": PDF,
        "path": "folder/absent.pdf",
        "url": "https://example.com",
        "title": "Größe",
        "document_mimetype": "application/pdf",
    },
    "document, base64 without a mimetype": {"data": PDF},
    "document, not base64": {"data": "%PDF-1.4"},
    "document, path": {"path": "folder/absent.txt"},
    "document, url": {"url": "https://example.com/a.docx"},
    "document, any text as url": {"url": "no url at all"},
    "document, empty title": {"title": ""},
    "cache": {"cache_control": {"type": "ephemeral"}},
    "cache, all set": {"cache_control": {"type": "ephemeral", "ttl": "1h"}},
    "citable, text": {"title": "T", "source": "S", "content": "Cited text"},
    "citable, no content": {"title": "", "source": "", "content": []},
    "citable, blocks": {
        "title": "T",
        "source": "S",
        "content": [
            {"block_type": "text", "text": "one"},
            {"block_type": "image", "image": PNG},
            {"block_type": "document", "url": "https://example.com/a.txt"},
        ],
    },
    "citation, text": {"title": "T", "source": "S", "cited_content": "Cited", "additional_location_info": {}},
    "citation, block": {
        "title": "T",
        "source": "S",
        "cited_content": {"block_type": "text", "text": "Cited"},
        "additional_location_info": {"start": 3, "end": -1},
    },
    "citation, image": {
        "title": "T",
        "source": "S",
        "cited_content": {"block_type": "image", "url": "https://example.com/a.png"},
        "additional_location_info": {"page": 1},
    },
    "citation, list of one block": {
        "title": "T",
        "source": "S",
        "cited_content": [{"block_type": "text", "text": "Cited"}],
        "additional_location_info": {"page": "7"},
    },
    "citation, list of one text": {"title": "T", "source": "S", "cited_content": ["Cited"], "additional_location_info": {}},
    "thinking, none set": {},
    "thinking, all set": {"content": "hmm", "num_tokens": 3, "additional_information": {"signature": "abc==", "n": 0.5}},
    "thinking, tokens as text": {"num_tokens": "12"},
    "tool_call": {"tool_name": "search"},
    "tool_call, all set": {"tool_call_id": "call_1", "tool_name": "search", "tool_kwargs": {"q": "x", "deep": [None, 1.5]}},
    "tool_call, unparsed arguments": {"tool_call_id": None, "tool_name": "search", "tool_kwargs": '{"q": '},
    "tool_call, null arguments": {"tool_name": "search", "tool_kwargs": {"q": None}},
}

BAD_BLOCKS = {
    "text without text": {"block_type": "text"},
    "text null": {"block_type": "text", "text": None},
    "text a number": {"block_type": "text", "text": 5},
    "block_type missing": {"text": "Hello"},
    "block_type unknown": {"block_type": "tool_result", "text": "Hello"},
    "block_type null": {"block_type": None, "text": "Hello"},
    "block_type in capitals": {"block_type": "TEXT", "text": "Hello"},
    "type instead of block_type": {"type": "text", "text": "Hello"},
    "a text": "Hello",
    "null": None,
    "a list": [],
    "image a number": {"block_type": "image", "image": 5},
    "image an object": {"block_type": "image", "image": {"data": PNG}},
    "image path of a missing file": {"block_type": "image", "path": "absent.png"},
    "image relative url": {"block_type": "image", "url": "a.png"},
    "image empty url": {"block_type": "image", "url": ""},
    "image mimetype a number": {"block_type": "image", "image_mimetype": 5},
    "audio path of a missing file": {"block_type": "audio", "path": "absent.wav"},
    "video relative url": {"block_type": "video", "url": "a.mp4"},
    "video fps a fraction": {"block_type": "video", "fps": 1.5},
    "video fps a word": {"block_type": "video", "fps": "fast"},
    "document title a number": {"block_type": "document", "title": 5},
    "cache without cache_control": {"block_type": "cache"},
    "cache control without type": {"block_type": "cache", "cache_control": {}},
    "cache ttl null": {"block_type": "cache", "cache_control": {"type": "ephemeral", "ttl": None}},
    "citable without title": {"block_type": "citable", "source": "S", "content": "x"},
    "citable with an audio block": {"block_type": "citable", "title": "T", "source": "S", "content": [{"block_type": "audio"}]},
    "citable with a list of texts": {"block_type": "citable", "title": "T", "source": "S", "content": ["x"]},
    "citation without location": {"block_type": "citation", "title": "T", "source": "S", "cited_content": "x"},
    "citation with two blocks": {
        "block_type": "citation",
        "title": "T",
        "source": "S",
        "cited_content": ["x", "y"],
        "additional_location_info": {},
    },
    "citation with a fractional location": {
        "block_type": "citation",
        "title": "T",
        "source": "S",
        "cited_content": "x",
        "additional_location_info": {"page": 1.5},
    },
    "thinking tokens a fraction": {"block_type": "thinking", "num_tokens": 1.5},
    "thinking information null": {"block_type": "thinking", "additional_information": None},
    "tool_call without a name": {"block_type": "tool_call", "tool_kwargs": {}},
    "tool_call id a number": {"block_type": "tool_call", "tool_call_id": 1, "tool_name": "search"},
    "tool_call arguments null": {"block_type": "tool_call", "tool_name": "search", "tool_kwargs": None},
    "tool_call arguments a list": {"block_type": "tool_call", "tool_name": "search", "tool_kwargs": []},
}

HELLO = {"block_type": "text", "text": "Hello"}

ODD = {
    "empty object": {},
    "role only": {"role": "assistant"},
    "role missing": {"blocks": [HELLO], "additional_kwargs": {}},
    "blocks only": {"blocks": [HELLO]},
    "kwargs only": {"additional_kwargs": {"a": 1}},
    "legacy": {"role": "user", "content": "Hello", "additional_kwargs": {}},
    "legacy, empty": {"role": "user", "content": "", "additional_kwargs": {}},
    "legacy, null": {"role": "assistant", "content": None, "additional_kwargs": {"tool_calls": []}},
    "legacy, no kwargs": {"role": "user", "content": "Hello"},
    "content and blocks": {"role": "user", "content": "content", "blocks": [{"block_type": "text", "text": "blocks"}]},
    "empty content and blocks": {"role": "user", "content": "", "blocks": [HELLO]},
    "null content and blocks": {"role": "user", "content": None, "blocks": [HELLO]},
    "number content and blocks": {"role": "user", "content": 5, "blocks": [HELLO]},
    "content and null blocks": {"role": "user", "content": "Hello", "blocks": None},
    "content and broken blocks": {"role": "user", "content": "Hello", "blocks": [{"type": "text"}]},
    "content a list of blocks": {"role": "user", "content": [HELLO, {"block_type": "image", "detail": "low"}]},
    "content a list of blocks, and blocks": {"role": "user", "content": [HELLO], "blocks": [{"block_type": "text", "text": "b"}]},
    "content an empty list": {"role": "user", "content": []},
    "content an empty list, and blocks": {"role": "user", "content": [], "blocks": [HELLO]},
    "content a number": {"role": "user", "content": 5},
    "content a boolean": {"role": "user", "content": True},
    "content an object": {"role": "user", "content": {"text": "Hello"}},
    "unknown members": {
        "id": "m1",
        "timestamp": 1,
        "role": "user",
        "blocks": [{"block_type": "text", "text": "Hello", "annotations": []}],
        "metadata": {"a": 1},
        "name": "x",
    },
    "unknown members in cache_control": {
        "blocks": [{"block_type": "cache", "cache_control": {"type": "ephemeral", "extra": 1}}]
    },
    "class_name": {"role": "user", "blocks": [HELLO], "class_name": "ChatMessage"},
    "another order of members": {"blocks": [{"text": "Hello", "block_type": "text"}], "additional_kwargs": {}, "role": "user"},
    "tool calls and results": {
        "role": "assistant",
        "content": None,
        "additional_kwargs": {
            "tool_calls": [{"id": "call_1", "function": {"arguments": '{"q":"x"}', "name": "search"}, "type": "function"}]
        },
    },
    "tool result": {"role": "tool", "content": "42", "additional_kwargs": {"tool_call_id": "call_1", "name": "search"}},
    "nested kwargs": {
        "additional_kwargs": {"a": {"b": [None, True, False, [], {}, [[]], "x", -1, 0.5]}, "": "empty", "é\n\"": "\u2028 \x7f"}
    },
    "kwargs __proto__": {"additional_kwargs": {"__proto__": {"a": 1}, "constructor": "c"}},
    # JavaScript objects put such names first.
    "kwargs with integer-like names": {"additional_kwargs": {"b": 1, "10": "ten", "2": "two", "a": 2}},
    "kwargs with empty images": {"additional_kwargs": {"images": []}},
    "kwargs with null images": {"additional_kwargs": {"images": None}},
    "kwargs with false images": {"additional_kwargs": {"images": False}},
    "two texts": {"blocks": [HELLO, {"block_type": "text", "text": "world"}]},
    "two empty texts": {"blocks": [{"block_type": "text", "text": ""}, {"block_type": "text", "text": ""}]},
    "empty and other text": {"blocks": [{"block_type": "text", "text": ""}, HELLO, {"block_type": "text", "text": ""}]},
    "empty text and image": {"blocks": [{"block_type": "text", "text": ""}, {"block_type": "image"}]},
    "texts around an image": {"blocks": [HELLO, {"block_type": "image"}, {"block_type": "text", "text": "world"}]},
    "thinking and tool call": {
        "role": "assistant",
        "blocks": [
            {"block_type": "thinking", "content": "hmm"},
            HELLO,
            {"block_type": "tool_call", "tool_name": "search", "tool_kwargs": {}},
        ],
    },
    "characters": {"blocks": [{"block_type": "text", "text": "\x00\x01\b\t\n\v\f\r\x1b\"\\/<>&'\x7f\x80\x85\xa0é\u2028\u2029\ufeff\uffff你👩‍👩‍👧"}]},
}

# JSON texts, because a reader in another language may not keep the numbers apart.
NUMBERS = {
    "whole floats": '{"additional_kwargs":{"a":1.0,"b":-0.0,"c":100.0,"d":1e2}}',
    "large floats": '{"additional_kwargs":{"a":1e15,"b":1e16,"c":123456789012345680.0,"d":1e21,"e":1e22,"f":1.7976931348623157e308}}',
    "small floats": '{"additional_kwargs":{"a":0.0001,"b":0.00001,"c":1e-6,"d":1.5e-7,"e":5e-324}}',
    "fractions": '{"additional_kwargs":{"a":0.1,"b":0.30000000000000004,"c":-2.5,"d":3.141592653589793}}',
    "whole numbers": '{"additional_kwargs":{"a":0,"b":-0,"c":9007199254740991,"d":9007199254740993,"e":12345678901234567890123}}',
    "too large a float": '{"additional_kwargs":{"a":1e400,"b":-1e400}}',
    "not a number": '{"additional_kwargs":{"a":NaN,"b":Infinity,"c":-Infinity}}',
    "floats in tool arguments": '{"blocks":[{"block_type":"tool_call","tool_name":"t","tool_kwargs":{"a":1.0,"b":1e16,"c":1e400}}]}',
    "floats in thinking": '{"blocks":[{"block_type":"thinking","additional_information":{"a":1.0,"b":[2.0]}}]}',
}

BAD = {
    "role unknown": {"role": "memory", "blocks": []},
    "role in capitals": {"role": "USER", "blocks": []},
    "role null": {"role": None, "blocks": []},
    "role a number": {"role": 1, "blocks": []},
    "role empty": {"role": "", "blocks": []},
    "kwargs null": {"role": "user", "additional_kwargs": None, "blocks": []},
    "kwargs a list": {"role": "user", "additional_kwargs": [], "blocks": []},
    "kwargs a text": {"role": "user", "additional_kwargs": "{}", "blocks": []},
    "kwargs with images": {"additional_kwargs": {"images": ["a"]}},
    "kwargs with an image object": {"additional_kwargs": {"images": {"a": 1}}},
    "kwargs with images true": {"additional_kwargs": {"images": True}},
    "blocks null": {"role": "user", "blocks": None},
    "blocks an object": {"role": "user", "blocks": HELLO},
    "blocks a text": {"role": "user", "blocks": "Hello"},
    "content a list of texts": {"role": "user", "content": ["Hello"]},
    "content a list of parts": {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
    "content a list of parts, and blocks": {"role": "user", "content": [{"type": "text", "text": "Hello"}], "blocks": [HELLO]},
    "null": None,
    "a text": "Hello",
    "a number": 5,
    "a list": [],
    "a list of messages": [{"role": "user", "blocks": [HELLO]}],
}

# Python reads these from parsed JSON, but neither from JSON text nor can it write them again.
LONE_SURROGATES = {
    "lone surrogate in a text": '{"content":"a\\ud800b"}',
    "lone surrogate in kwargs": '{"additional_kwargs":{"a":"\\udc00"}}',
}


def accepted():
    """(name, JSON text) pairs."""
    for role in MessageRole:
        yield f"role {role.value}", json.dumps({"role": role.value, "additional_kwargs": {}, "blocks": [HELLO]})
        yield f"role {role.value}, legacy", json.dumps({"role": role.value, "content": "Hello", "additional_kwargs": {}})
    for name, fields in BLOCKS.items():
        block = {"block_type": name.split(",")[0], **fields}
        yield f"block {name}", json.dumps({"role": "user", "additional_kwargs": {}, "blocks": [block]})
    for name, value in ODD.items():
        yield name, json.dumps(value)
    yield from NUMBERS.items()


def refused():
    for name, block in BAD_BLOCKS.items():
        yield f"block {name}", {"role": "user", "additional_kwargs": {}, "blocks": [HELLO, block]}
    yield from BAD.items()
