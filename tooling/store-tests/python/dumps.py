import json
from decimal import Decimal


def plain(value):
    """For what some stores give back, and JSON has no form for: Decimal, bytes, URLs."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.decode("ascii") if isinstance(value, bytes) else str(value)


def dump(message):
    """Some stores answer a message, others the text that they kept."""
    if message is None:
        return None
    if isinstance(message, (str, bytes)):
        return json.loads(message)
    return json.loads(json.dumps(message.model_dump(), default=plain))
