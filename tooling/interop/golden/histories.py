"""Chat histories, as (name, messages)."""

import json
from random import Random

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

import texts
from persist_file import PNG


def message(role, content=None, **additional_kwargs):
    return ChatMessage(role=role, content=content, additional_kwargs=additional_kwargs)


def blocks(role, *items):
    items = [TextBlock(text=item) if isinstance(item, str) else item for item in items]
    return ChatMessage(role=role, blocks=items)


def turn(random, say):
    return [message("user", say(random)), message("assistant", say(random))]


def turns(random, count, say=texts.sentence):
    return [item for _ in range(count) for item in turn(random, say)]


def tool_arguments(random):
    return {"query": texts.words(random, random.randint(1, 5)), "limit": random.randint(1, 50)}


def tool_step(random, number):
    """OpenAI's form: the calls stand in additional_kwargs."""
    calls = range(random.choice([1, 1, 1, 2, 3]))
    tool_calls = [
        {
            "id": f"call_{number}_{call}",
            "type": "function",
            "function": {"name": "search", "arguments": json.dumps(tool_arguments(random))},
        }
        for call in calls
    ]
    asking = message("assistant", random.choice([None, None, "", "Let me look."]), tool_calls=tool_calls)
    results = [
        message("tool", texts.words(random, random.randint(1, 12)), name="search", tool_call_id=f"call_{number}_{call}")
        for call in calls
    ]
    return [asking, *results]


def tool_block_step(random, number):
    call = ToolCallBlock(tool_call_id=f"call_{number}", tool_name="search", tool_kwargs=tool_arguments(random))
    before = random.choice([[], ["Let me look."], [ThinkingBlock(content="I need data.", num_tokens=4)]])
    result = message("tool", texts.words(random, random.randint(1, 12)), tool_call_id=f"call_{number}")
    return [blocks("assistant", *before, call), result]


def tool_chat(random, step, rounds, steps):
    history = []
    for _ in range(rounds):
        history.append(message("user", texts.sentence(random, 1, 2)))
        for number in range(random.randint(*steps)):
            history += step(random, number)
        history.append(message("assistant", texts.sentence(random, 1, 2)))
    return history


def image_items():
    return [
        ImageBlock(image=PNG),
        ImageBlock(url="https://example.com/a.png", detail="low"),
        ImageBlock(url="https://example.com"),
    ]


def plain_chats(random):
    for count in [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30]:
        yield f"plain {count}", turns(random, count)
        yield f"plain {count} open", [*turns(random, count), message("user", texts.sentence(random))]
    for count in [3, 7, 15]:
        yield f"words {count}", turns(random, count, lambda r: texts.words(r, r.randint(1, 40)))
        yield f"code {count}", turns(random, count, lambda r: r.choice(texts.CODE + texts.JSONS + texts.MARKDOWN))


def languages(random):
    for language, lines in texts.PROSE.items():
        yield f"language {language}", turns(random, 3, lambda r: r.choice(lines))
        yield f"language {language} lines", turns(random, 2, lambda r: "\n".join(r.choices(lines, k=2)) + "\n")


def tools(random):
    for index in range(12):
        yield f"tool_calls {index}", tool_chat(random, tool_step, random.randint(1, 4), (1, 3))
        yield f"tool_call blocks {index}", tool_chat(random, tool_block_step, random.randint(1, 4), (1, 3))
    for steps in [6, 10, 15, 25, 40]:
        yield f"tool_calls loop {steps}", tool_chat(random, tool_step, 1, (steps, steps))
        yield f"tool_call blocks loop {steps}", tool_chat(random, tool_block_step, 1, (steps, steps))
        loop = [item for number in range(steps) for item in tool_step(random, number)]
        yield f"loop still running {steps}", [message("user", "Go."), *loop]
        yield f"loop and question {steps}", [*turns(random, 1), *loop, message("user", "And now?")]


def system_messages(random):
    system = message("system", "You are a helpful assistant. Answer briefly.")
    developer = message("developer", "Prefer metric units.")
    for count in [1, 2, 4, 8]:
        yield f"system first {count}", [system, *turns(random, count)]
        yield f"developer first {count}", [developer, *turns(random, count)]
        yield f"system and developer {count}", [system, developer, *turns(random, count), message("user", "Next")]
        middle = [*turns(random, count), message("system", "The user is now premium."), *turns(random, count)]
        yield f"system in the middle {count}", middle
        yield f"system last {count}", [*turns(random, count), message("system", "Be polite.")]
        before_answer = [message("user", "Hi"), message("system", "Be polite."), message("assistant", "Hello.")]
        yield f"system before the answer {count}", [*turns(random, count), *before_answer]
    yield "only system", [message("system", texts.sentence(random)) for _ in range(5)]


def other_roles(random):
    roles = ["system", "developer", "user", "assistant", "function", "tool", "chatbot", "model"]
    yield "every role", [message(role, f"I am {role}") for role in roles]
    yield "every role backwards", [message(role, f"I am {role}") for role in reversed(roles)]
    for role in ["function", "chatbot", "model", "assistant", "tool"]:
        pairs = [item for n in range(6) for item in (message("user", f"Question {n}"), message(role, f"Answer {n}"))]
        yield f"user and {role}", pairs
        yield f"only {role}", [message(role, texts.sentence(random, 1, 1)) for _ in range(6)]
    yield "only assistant and tool", [item for n in range(6) for item in tool_step(random, n)]
    yield "assistants first", [*(message("assistant", f"Hello {n}") for n in range(4)), *turns(random, 3)]
    yield "tools first", [*(message("tool", f"Result {n}") for n in range(4)), *turns(random, 3)]
    yield "assistants last", [*turns(random, 3), *(message("assistant", f"Part {n}") for n in range(6))]
    for index in range(10):
        length = random.randint(2, 25)
        yield f"random roles {index}", [message(random.choice(roles), texts.words(random, 4)) for _ in range(length)]


def lengths(random):
    long = texts.words(random, 900)
    yield "long message", [message("user", long)]
    yield "long first", [message("user", long), *turns(random, 2)]
    yield "long last", [*turns(random, 2), message("user", long)]
    yield "long answer in the middle", [*turns(random, 1), message("user", "Why?"), message("assistant", long), *turns(random, 2)]
    yield "long tool result", [*turns(random, 1), message("user", "Go"), *tool_step(random, 1), message("tool", long)]
    yield "long chinese", [message("user", "".join(random.choices(texts.PROSE["chinese"], k=40))), *turns(random, 1)]
    yield "one-token messages", [message("user" if n % 2 == 0 else "assistant", "a") for n in range(300)]
    yield "one-token user messages", [message("user", "x") for n in range(300)]
    for name, run in [("a", "a" * 3000), ("space", " " * 1500), ("newline", "\n" * 1500), ("underscore", "_" * 2000), ("你", "你" * 600)]:
        yield f"run of {name}", [message("user", "Look:"), message("assistant", run), message("user", run), message("assistant", "ok")]
    yield "no messages", []
    for role in ["user", "assistant", "system", "tool"]:
        for content in [None, "", "a", "Hello, how are you?", "<|endoftext|>", " "]:
            yield f"single {role} {json.dumps(content)}", [message(role, content)]


def empty_contents(random):
    yield "all empty", [message(role, "") for role in ["user", "assistant"] * 4]
    yield "all None", [message(role, None) for role in ["user", "assistant"] * 4]
    yield "empty and None", [message(role, content) for role in ["user", "assistant"] for content in ["", None, "", None]]
    for index in range(10):
        contents = random.choices(["", None, " ", "None", "\n", texts.words(random, 3)], k=random.randint(3, 12))
        yield f"some empty {index}", [message(random.choice(["user", "assistant"]), content) for content in contents]


def many_blocks(random):
    odd = ["", " ", "\n", "'s", "12", "one", "two\n", " three", "<|endoftext|>"]
    for index in range(10):
        yield f"text blocks {index}", [
            blocks(role, *random.choices(odd, k=random.randint(2, 4))) for role in ["user", "assistant"] * 3
        ]
    yield "two empty text blocks", [blocks("user", "", ""), blocks("assistant", "ok"), blocks("user", "", "", "")]
    yield "one empty text block beside an image", [blocks("user", "", ImageBlock(detail="low")), message("assistant", "ok")]


def media(random):
    for index, image in enumerate(image_items()):
        yield f"image only {index}", [blocks("user", image), message("assistant", "A cat."), blocks("user", image)]
        mixed = [blocks("user", "What is this?", image), message("assistant", "A cat."), blocks("user", image, "And", image, "this?")]
        yield f"image and text {index}", [*mixed, *turns(random, 2)]
    others = [
        AudioBlock(url="https://example.com/a.mp3"),
        VideoBlock(url="https://example.com/a.mp4", fps=2),
        DocumentBlock(url="https://example.com/a.pdf", title="A"),
        CachePoint(cache_control={"type": "ephemeral"}),
        CitableBlock(title="T", source="S", content="Cited text that costs nothing."),
        CitationBlock(title="T", source="S", cited_content="Cited", additional_location_info={"page": 1}),
    ]
    for block in others:
        yield f"{block.block_type} only", [blocks("user", block), message("assistant", "Thanks."), message("user", "More")]
        yield f"{block.block_type} and text", [*turns(random, 1), blocks("user", "See", block, "please"), *turns(random, 1)]
    thoughts = [ThinkingBlock(content=texts.words(random, 40), num_tokens=50), ThinkingBlock()]
    for index, thought in enumerate(thoughts):
        history = [item for n in range(4) for item in (message("user", f"Q{n}"), blocks("assistant", thought, f"A{n}"))]
        yield f"thinking {index}", history
        yield f"thinking only {index}", [*turns(random, 2), blocks("assistant", thought), message("user", "Well?")]


def seams(random):
    """What stands at the edge of a message can merge with the space that joins it to the next one."""
    fragments = texts.fragments()
    groups = [list(fragments)[start : start + 5] for start in range(0, len(fragments), 5)]
    for group in groups:
        history = [message(role, fragments[name]) for name, role in zip(group, ["user", "assistant"] * 3)]
        yield f"seams: {group[0]} …", [message("user", "word"), message("assistant", "ok"), *history, message("user", "end")]
    odd = list(fragments.values())
    for index in range(45):
        length = random.randint(2, 14)
        contents = ["".join(random.choices([*odd, "word", "Hello", "你好"], k=random.randint(1, 3))) for _ in range(length)]
        yield f"random seams {index}", [
            message(random.choice(["user", "user", "assistant"]), content) for content in contents
        ]


def special_tokens(random):
    for token in [*texts.SPECIAL_TOKENS, *texts.FOREIGN_TOKENS[:2], *texts.BROKEN_TOKENS[:3]]:
        contents = [token, f"{token} after", f"before {token}", f"in{token}side", f"{token}{token}", f" {token} "]
        yield f"token {token}", [message(role, content) for role, content in zip(["user", "assistant"] * 3, contents)]
    # Joined with a space, the halves must not become the token.
    yield "token across a seam", [message("user", "<|endof"), message("assistant", "text|>"), message("user", "<|"), message("user", "endoftext|>")]


def anything(random):
    for index in range(30):
        length = random.randint(1, 12)
        yield f"random unicode {index}", [
            message(random.choice(["user", "assistant"]), texts.random_unicode(random, random.randint(1, 30)))
            for _ in range(length)
        ]
    for index in range(15):
        yield f"random whitespace {index}", [
            message(random.choice(["user", "assistant"]), texts.mixed_whitespace(random, random.randint(1, 12)))
            for _ in range(random.randint(2, 10))
        ]


GROUPS = [
    plain_chats,
    languages,
    tools,
    system_messages,
    other_roles,
    lengths,
    empty_contents,
    many_blocks,
    media,
    seams,
    special_tokens,
    anything,
]


def all_histories():
    # A generator of its own for each group: a change in one leaves the others as they are.
    return [history for group in GROUPS for history in group(Random(group.__name__))]
