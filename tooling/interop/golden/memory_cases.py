"""
What LlamaIndex's own tests of ChatMemoryBuffer are about (llama-index-core/tests/memory/test_chat_memory_buffer.py), as
steps on a memory; `run` does them with the real one and writes down what it answers.
"""

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer


def message(role, content, **additional_kwargs):
    return ChatMessage(role=role, content=content, additional_kwargs=additional_kwargs)


FIRST = message("user", "first message")
SECOND = message("user", "second message")
ANSWER = message("assistant", "first answer")
SECOND_ANSWER = message("assistant", "second answer")
CALL = message("assistant", None, tool_calls=[{"id": "call_1", "function": {"name": "f", "arguments": "{}"}}])
RESULT = message("tool", "the result of it", tool_call_id="call_1")

TWO_TURNS = [FIRST, ANSWER, SECOND, SECOND_ANSWER]
TOOL_TURNS = [FIRST, CALL, RESULT, ANSWER, SECOND, CALL, RESULT, SECOND_ANSWER]


def get(limit, history, initials=(0,)):
    return {"limit": limit, "history": history, "steps": [("get", initial) for initial in initials]}


def put_and_get(limit, history, *more):
    steps = [("get", 0)]
    for each in more:
        steps += [("put", each), ("get", 0)]
    return {"limit": limit, "history": history, "steps": [*steps, ("get_all", None)]}


CASES = {
    "put and get": put_and_get(3000, [FIRST], SECOND),
    "initial tokens below, at and above the limit": get(50, [FIRST], [0, 5, 49, 50, 51]),
    "initial tokens above the limit of an empty memory": get(49, [], [0, 49, 50]),
    "initial tokens that leave no room for the message": get(5, [FIRST], [3, 4, 5]),
    "an answer does not come first": get(5, [FIRST, ANSWER], range(6)),
    "the first turn goes as a whole": get(10, TWO_TURNS, range(11)),
    "the first message alone does not go": get(8, TWO_TURNS, range(9)),
    "a result of a tool does not come first": get(30, TOOL_TURNS, range(31)),
    "an unanswered call of a tool": get(12, [FIRST, ANSWER, SECOND, CALL], range(13)),
    "nothing but results of tools": get(6, [RESULT, RESULT, RESULT], range(7)),
    "an answer that comes first, with room for all": get(100, [ANSWER, FIRST, SECOND_ANSWER]),
    "a system message goes as any other": get(9, [message("system", "be brief"), *TWO_TURNS], range(10)),
    "the limit slides": put_and_get(5, [FIRST], FIRST, FIRST, FIRST, message("user", "test message2")),
    "the limit slides over turns": put_and_get(8, [], *TWO_TURNS, *TOOL_TURNS),
    "a newest message beyond the limit": put_and_get(3, [FIRST], message("user", "far more than three tokens are here")),
    "set replaces": {
        "limit": 3000,
        "history": [FIRST],
        "steps": [("put", FIRST), ("get", 0), ("set", [FIRST]), ("get", 0), ("reset", None), ("get", 0), ("get_all", None)],
    },
    "to and from string": {
        "limit": 5,
        "history": [FIRST, CALL, RESULT],
        "steps": [("get", 0), ("to_string", None), ("get", 0), ("get_all", None), ("put", SECOND), ("get", 0)],
    },
}


def run(case, as_json):
    """The case as JSON, each step with what the memory answers."""
    memory = ChatMemoryBuffer.from_defaults(chat_history=list(case["history"]), token_limit=case["limit"])
    steps = []
    for do, what in case["steps"]:
        if do == "get":
            try:
                told = {"initial": what, "window": [as_json(each) for each in memory.get(initial_token_count=what)]}
            except ValueError as error:
                told = {"initial": what, "error": str(error)}
        elif do == "get_all":
            told = {"all": [as_json(each) for each in memory.get_all()]}
        elif do == "put":
            memory.put(what)
            told = {"put": as_json(what)}
        elif do == "set":
            memory.set(list(what))
            told = {"set": [as_json(each) for each in what]}
        elif do == "reset":
            memory.reset()
            told = {"reset": True}
        else:
            text = memory.to_string()
            memory = ChatMemoryBuffer.from_string(text)
            told = {"text": text}
        steps.append(told)
    return {"limit": case["limit"], "history": [as_json(each) for each in case["history"]], "steps": steps}


def memory_cases(as_json):
    return [{"name": name, **run(case, as_json)} for name, case in CASES.items()]
