"""Which special methods a class has: what one process tells and the other makes anew."""

from __future__ import annotations

BINARY = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow", "matmul", "and", "or",
    "xor", "lshift", "rshift",
)  # fmt: skip
IN_PLACE = tuple(f"i{name}" for name in BINARY if name != "divmod")
ORDER = ("lt", "le", "gt", "ge")
ASKED = (
    "neg", "pos", "abs", "invert", "iter", "next", "reversed", "getitem", "setitem", "delitem",
    "round", "floor", "ceil", "trunc", "array",
)  # fmt: skip
EXACT: dict[str, type] = {
    "len": int, "bool": bool, "int": int, "index": int, "float": float, "complex": complex,
    "str": str, "repr": str, "format": str, "bytes": bytes, "fspath": str,
}  # fmt: skip
SPECIALS = tuple(
    f"__{name}__"
    for name in (
        *BINARY, *IN_PLACE, *(f"r{name}" for name in BINARY), *ORDER, *ASKED, *EXACT, "eq", "ne",
        "hash", "contains", "call", "enter", "exit", "await", "aiter", "anext", "aenter", "aexit",
    )
)  # fmt: skip
BITS = {name: 1 << at for at, name in enumerate(SPECIALS)}
UNHASHABLE = 1 << len(SPECIALS)


def kind_mro(kind: type) -> list[type]:
    """Return a class and its bases, without ``object`` where there is another."""
    mro: tuple[type, ...] = type.__getattribute__(kind, "__mro__")
    return [base for base in mro if base is not object] or [object]


def specials_of(kind: type) -> int:
    """Return which special methods a class has, beyond those of every object."""
    found = 0
    bases = kind_mro(kind) if kind is not object else []
    for name, bit in BITS.items():
        for base in bases:
            if name in vars(base):
                if vars(base)[name] is not None:
                    found |= bit
                elif name == "__hash__":
                    found |= UNHASHABLE
                break
    return found
