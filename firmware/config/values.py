"""What a single value of the configuration may be, and how a wrong one is refused."""

import json


class ConfigError(ValueError):
    """A setting is wrong; the text says which one, what it is and what is allowed."""


def refuse(key: str, value: object, allowed: str) -> "Never":
    """Raises the ConfigError of a value; a password is not shown, nor what holds one."""
    shown = json.dumps(value)
    if key.endswith("password") or '"password"' in shown:
        shown = "this"
    raise ConfigError("%s%s is not allowed; %s" % (key and key + ": ", shown, allowed))


def check_value(key: str, value: object, default: object, allowed: "Anything") -> None:
    """One row of the table of settings; `allowed` is what the table says of it."""
    if allowed is bool:
        if not isinstance(value, bool):
            refuse(key, value, "true or false")
    elif allowed is list:
        if not isinstance(value, list):
            refuse(key, value, "a list")
    elif allowed is dict:
        if value is not None and not isinstance(value, dict):
            refuse(key, value, "null or an object")
    elif isinstance(allowed[0], str):
        check_choice(key, value, allowed)
    elif isinstance(default, str):
        check_text(key, value, allowed[0], allowed[1])
    else:
        check_integer(key, value, allowed[0], allowed[1])


def check_integer(key: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        refuse(key, value, "an integer from %d to %d" % (low, high))


def check_text(key: str, value: object, low: int, high: int) -> None:
    """A text of `low` to `high` characters; they are counted as the radio does, in UTF-8."""
    length = len(value.encode()) if isinstance(value, str) else -1
    if not low <= length <= high:
        allowed = "a text of %d to %d characters" % (low, high)
        if isinstance(value, str) and len(value) < length:
            allowed += "; one that is not ASCII counts as 2 to 4"
        refuse(key, value, allowed)


def check_choice(key: str, value: object, choices: "Anything") -> None:
    if value not in choices:
        refuse(key, value, "one of " + ", ".join(choices))


def check_names(key: str, given: object, known: "Anything", noun: str) -> None:
    """`given` is an object with no other names than `known`."""
    if not isinstance(given, dict):
        refuse(key, given, "an object")
    for name in given:
        if name not in known:
            raise ConfigError(
                "%s%s: no such %s; %s" % (key and key + ".", name, noun, ", ".join(sorted(known)))
            )
