"""A learner's process that speaks to the judge in messages of its own."""

from __future__ import annotations

from tests.attacks.case import Case, everywhere
from tests.attacks.course import ANSWERS, CALL, FULL, POINTS

# finds the connection to the judge and writes messages in its format
SPEAK = """
import os, socket, stat, struct, sys
import msgpack
links = []
for name in os.listdir('/proc/self/fd'):
    if int(name) > 2 and os.path.exists(f'/proc/self/fd/{name}'):
        if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
            links.append(socket.socket(fileno=os.dup(int(name))))
links = [one for one in links if one.type == socket.SOCK_STREAM]
link = links[0] if links else socket.socketpair()[0]
def ext(code, content):
    return msgpack.ExtType(code, msgpack.packb(content, unicode_errors='surrogatepass'))
def big(number):
    return ext(1, number.to_bytes(number.bit_length() // 8 + 1, 'little', signed=True))
def handle(number, *names):
    return ext(25, [number, [[90 + at, name, big((1 << 100) - 1), []] for at, name in enumerate(names)], []])
def say(value, *buffers, raw=None):
    header = msgpack.packb(value, unicode_errors='surrogatepass') if raw is None else raw
    sizes = [len(header), *map(len, buffers)]
    link.sendall(struct.pack(f'<I{len(sizes)}Q', len(buffers), *sizes) + header + b''.join(buffers))
def reply(value, *buffers):
    say(['answer', 'ok', [value, None, []], ['', []]], *buffers)
"""


# uses the connection as the grading itself does
_PEER = """
import gc
from grading.apart.peer import Peer
peer = next((one for one in gc.get_objects() if isinstance(one, Peer)), None)
"""


def _in_call(text: str, *, few: bool = False) -> dict[str, str]:
    """Return answers whose functions say something and then wait.

    Args:
        text: what they say.
        few: only two of them, for what takes long to make or to read.
    """
    body = "\n    ".join(text.strip().splitlines())
    others = (
        "slug = twice = countdown = tidy = norm = evens = mean\n"
        "class Account:\n    __init__ = put = mean\nclass Vector:\n    __init__ = __add__ = mean\n"
    )
    return everywhere(
        f"{SPEAK}\ndef mean(*args):\n    {body}\ndigits = mean\n{'' if few else others}"
    )


def _before(text: str) -> tuple[str, ...]:
    return (f"{SPEAK}\n{text}",)


CASES: dict[str, Case] = {
    "early_answers": Case(
        "answer questions before they are asked",
        review=None,
        cells=_before("for _ in range(200):\n    reply(3.0)\n    reply(['value', 3.0])"),
    ),
    "speaks_as_judge": Case(
        "tell the grader points as the judge does",
        review=True,
        answers=_in_call(
            "say(['cell', 0, {'score': 4.0, 'error': None, 'printed': '', 'reason': '',"
            " 'clean': True, 'seconds': 0.0}])\nsay(['end'])"
        ),
    ),
    "no_such_object": Case(
        "return handles of objects that are not there",
        review=None,
        answers=_in_call(
            "for number in (99, -1, -2, -3, -99, 2**31, -2**62, True, None, 'x'):\n"
            "    reply(handle(number, 'builtins.int'))"
        ),
    ),
    "claims_to_be_plain": Case(
        "handles that claim to be of builtin types",
        review=None,
        answers=_in_call(
            "for kind in ('builtins.int', 'builtins.list', 'builtins.bool', 'numpy.float64',"
            " 'numpy.ndarray', 'collections.OrderedDict', 'grading.apart.names.Given'):\n"
            "    reply(handle(7, kind))"
        ),
    ),
    "too_large": Case(
        "claim a reply of gigabytes",
        review=True,
        answers=_in_call("link.sendall(struct.pack('<IQQ', 1, 10, 1 << 40))"),
    ),
    "too_long": Case(
        "reply one byte a second",
        review=True,
        answers=_in_call(
            "link.sendall(struct.pack('<IQ', 0, 1000))\nfor _ in range(1000):\n"
            "    link.sendall(b'\\x91')\n    __import__('time').sleep(1)", few=True
        ),
    ),
    "late_reply": Case(
        "reply truly but too late, so that it could be taken for the answer to the next question",
        points=FULL - POINTS["slug"],
        review=True,
        solved=True,
        answers={
            "slug": "import time\nASKED = []\n"
            + ANSWERS["slug"].replace(
                "    return",
                f"    ASKED.append(title)\n    if ASKED[1:] == []: time.sleep({CALL + 0.3})\n    return",
            )
        },
    ),
    "late_forgery": Case(
        "have a child reply too late, to this question and to those that will be asked next",
        review=True,
        answers={
            "slug": f"{SPEAK}\nimport time\ndef slug(title):\n    if os.fork() == 0:\n"
            f"        time.sleep({CALL + 0.2})\n"
            "        for value in ('two-words', 'über', 'no-741852963', 8, 8, 3.0, [2, 4]):\n"
            "            say(['answer', 'ok', ['value', handle(7, 'builtins.function')], ['', []]])\n"
            "            reply(value)\n        os._exit(0)\n"
            "    time.sleep(60)\n"
        },
    ),
    "too_deep": Case(
        "a reply nested a million times",
        review=True,
        answers=_in_call("say(0, raw=b'\\x91' * 1_000_000 + b'\\x90')"),
    ),
    "hash_flood": Case(
        "a reply whose keys collide",
        review=True,
        answers=_in_call(
            "reply(ext(3, [big(((1 << 61) - 1) * n) for n in range(1, 300_000)]))", few=True
        ),
    ),
    "long_range": Case(
        "replies of ten bytes that stand for gigabytes",
        review=True,
        answers=_in_call(
            "reply(ext(19, [ext(6, [0, 10**10, 1]), None]))\n"
            "reply(ext(11, ['1e300000000']))"
        ),
    ),
    "many_deques": Case(
        "a reply of a million deques",
        review=True,
        answers=_in_call(
            "one = msgpack.packb(ext(19, [[], None]))\n"
            "say(0, raw=b'\\x94' + msgpack.packb('answer') + msgpack.packb('ok')"
            " + b'\\xdd' + struct.pack('>I', 990_000) + one * 990_000 + msgpack.packb(''))", few=True
        ),
    ),
    "odd_booleans": Case(
        "an array of truths that count 255 each",
        review=None,
        answers=_in_call(
            "for _ in range(9):\n"
            "    reply(ext(21, ['|b1', [3], 0]), b'\\xff\\x02\\xff')"
        ),
    ),
    "asks_the_judge": Case(
        "ask the judge to run things of its own",
        review=None,
        answers=_in_call(
            "for number in range(-1, -40, -1):\n"
            "    thing = handle(number)\n"
            "    for name in ('__globals__', '__code__', '__closure__', '__class__', 'f_back'):\n"
            "        say(['do', 'attr', thing, name])\n"
            "    say(['do', 'call', thing, ['__import__(\"os\")._exit(0)'], {}])\n"
            "    say(['do', 'set', thing, '__code__', 1])\n"
            "for command in ('run', 'get', 'eval', 'files', 'seed', None, 7, ['x']):\n"
            "    say([command, 'x', 'y'])"
        ),
    ),
    "passes_files": Case(
        "pass file descriptors to the judge",
        review=None,
        answers=_in_call(
            "for _ in range(300):\n"
            "    socket.send_fds(link, [b'x'], [0, 1, 2, os.open('/dev/null', 0)])"
        ),
    ),
    "shuts_the_door": Case(
        "close the connection", review=True, cells=_before("link.close()\nos.closerange(3, 99)")
    ),
    "lies_about_errors": Case(
        "exceptions with made-up kinds, huge arguments and names",
        review=None,
        answers=everywhere(
            "Odd = type('x' * 100_000, (ValueError,), {'__module__': 'builtins'})\n"
            "def mean(*args): raise Odd('y' * 5_000_000, [1] * 500_000, args)\n"
            "class Loud(Exception):\n    __str__ = __repr__ = lambda self: 1 / 0\n"
            "    args = property(lambda self: [self])\n"
            "def slug(*args): raise Loud\n"
            "def digits(*args): raise type('\\x1b[2J\\n<script>', (Exception,), {})('\\x1b]0;x\\x07')\n"
        ),
    ),
    "odd_iterators": Case(
        "iterators that never end, and lengths that are none",
        review=None,
        answers=everywhere(
            "import itertools\nclass Endless:\n    __len__ = lambda self: 2 ** 62\n"
            "    __iter__ = lambda self: itertools.count()\n    __getitem__ = lambda self, key: key\n"
            "digits = evens = countdown = norm = lambda *args: Endless()\n"
        ),
    ),
    "judges_class": Case(
        "have the judge make a class whose objects equal everything",
        review=None,
        answers=everywhere(_PEER + """
Equal = peer.ask('do', 'call', type, ['Equal', (list,), {'__eq__': lambda *words: True}], {})
digits = norm = evens = lambda *args: Equal()
countdown = lambda start: Equal()
"""),
    ),
    "judges_file": Case(
        "have the judge open and write files",
        review=None,
        answers=everywhere(_PEER + """
import pathlib, types
def everything():
    for function in (pathlib.Path, open, eval, exec, getattr, types.FunctionType, __import__):
        for words in (['/home/learner/io.py'], ['1'], ['os']):
            try:
                found = peer.ask('do', 'call', function, words, {})
                if found == 1 or type(found).__name__ in ('module', 'TextIOWrapper'): print('LOOT', found)
            except Exception: pass
digits = slug = mean = lambda *args: everything()
"""),
    ),
    "recursion": Case(
        "call back and forth without end",
        review=None,
        answers={
            "twice": "def twice(function, value):\n    return function(Again(function))\n"
            "class Again:\n    def __init__(self, function): self.function = function\n"
            "    def __add__(self, other): return self.function(Again(self.function))\n"
        },
    ),
}  # fmt: skip
