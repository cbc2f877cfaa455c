"""Harm to the machine and to other submissions; each is bounded, for those without walls."""

from __future__ import annotations

from tests.attacks.case import MARK, Case

FORKS = f"""
import os
for _ in range(40):
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execvp('sleep', ['sleep', '{MARK}'])
            os._exit(0)
    except OSError:
        break
"""
DETACHED = f"""
import subprocess
for _ in range(10):
    try: subprocess.Popen(['sleep', '{MARK}'], start_new_session=True)
    except OSError: break
"""
BUSY = """
import os, time
for _ in range(40):
    try:
        if os.fork() == 0:
            try: os.setsid()
            except OSError: pass
            until = time.time() + 2
            while time.time() < until: pass
            os._exit(0)
    except OSError:
        break
time.sleep(1.5)
"""
THREADS = """
import threading, time
for _ in range(500):
    try: threading.Thread(target=time.sleep, args=(2,), daemon=True).start()
    except RuntimeError: break
"""
MEMORY = """
held = []
for _ in range(40):
    held.append(bytearray(40 << 20))
    for place in range(0, len(held[-1]), 4096): held[-1][place] = 1
"""
SHARED = """
import mmap, os, time
for _ in range(8):
    if os.fork() == 0:
        held = mmap.mmap(-1, 200 << 20)
        for place in range(0, len(held), 4096): held[place] = 1
        time.sleep(2)
        os._exit(0)
time.sleep(1)
"""
DISK = """
for number in range(20):
    with open(f'/tmp/large{number}', 'wb') as file: file.write(bytes(50 << 20))
"""
SPARSE = """
with open('sparse', 'wb') as file: file.truncate(1 << 40)
"""
OUTPUT = """
import sys
for _ in range(300): sys.stdout.write('x' * 100_000 + '\\n')
for _ in range(20): display({'text/plain': 'y' * 900_000}, raw=True)
"""
SOCKETS = """
import os, socket, time
for _ in range(8):
    if os.fork() == 0:
        pairs = []
        try:
            while True: pairs.append(socket.socketpair())
        except OSError: pass
        for one in [side for pair in pairs for side in pair]:
            one.setblocking(False)
            try:
                while True: one.send(bytes(65536))
            except OSError: pass
        time.sleep(2)
        os._exit(0)
time.sleep(1)
"""
CONTEXTS = """
import ctypes
libc, held = ctypes.CDLL(None), []
import platform
if platform.machine() == 'x86_64':
    for _ in range(30):
        context = ctypes.c_long(0)
        if libc.syscall(ctypes.c_long(206), ctypes.c_long(2000), ctypes.byref(context)) == 0:
            print('LOOT aio')
    for _ in range(128):
        if libc.inotify_init() >= 0: print('LOOT inotify')
"""
FORMS = """
for _ in range(3):
    display({f'{number:05}' + 'k' * 60: '' for number in range(60_000)}, raw=True)
display({'text/plain': '\\n' * 3_900_000}, raw=True)
"""
WATCHES = """
import select, os
try:
    watch = select.epoll()
    watch.register(os.pipe()[0])
    print('LOOT epoll')
except OSError: pass
"""
LOCKS = """
import fcntl, glob, sys
held = []
for path in glob.glob(sys.prefix + '/pyvenv.cfg') + glob.glob('/usr/lib/os-release'):
    held.append(open(path))
    fcntl.flock(held[-1], fcntl.LOCK_EX)
"""
KILLS = """
import os, signal
for pid in {os.getppid(), 1, -1, 2, 3} - {os.getpid(), 0}:
    for number in (signal.SIGSTOP, signal.SIGKILL):
        try: os.kill(pid, number)
        except OSError: pass
"""
LOOP = """
import signal
for number in range(1, 32):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True:
    try:
        while True: pass
    except BaseException: pass
"""

CASES: dict[str, Case] = {
    name: Case(tries, cells=(text,), review=review)
    for name, (tries, text, review) in {
        "forks": ("40 processes that fork twice and stay", FORKS, None),
        "detached": ("10 processes in sessions of their own", DETACHED, False),
        "busy": ("40 busy processes take the processors", BUSY, None),
        "threads": ("500 threads", THREADS, None),
        "hoard": ("1.6 GB of memory", MEMORY, None),
        "shared_memory": ("1.6 GB of shared memory", SHARED, None),
        "disk": ("1 GB of files", DISK, None),
        "sparse": ("a sparse file of a terabyte", SPARSE, None),
        "output": ("48 MB of output", OUTPUT, False),
        "sockets": ("kernel memory in socket buffers", SOCKETS, None),
        "contexts": ("contexts that the whole machine shares", CONTEXTS, False),
        "forms": ("60,000 forms of one output, and millions of empty lines", FORMS, False),
        "watches": ("watches by epoll, which all submissions share a number of", WATCHES, False),
        "locks": ("locks on shared files", LOCKS, False),
        "kills": ("kill the parent, process 1 and all others", KILLS, None),
        "loop": ("an endless loop that ignores signals", LOOP, True),
        "stops": ("stop the own process", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", None),
        "crash": ("read from address 0", "import ctypes\nctypes.string_at(0)", True),
        "deep_recursion": ("overflow the C stack", "import sys\nsys.setrecursionlimit(10**9)\n"
                           "def f(): return f()\nf()", None),
        "timers": ("alarms at all times", "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n"
                   "signal.signal(signal.SIGALRM, signal.SIG_IGN)", None),
    }.items()
}  # fmt: skip
CASES["slow_cells"] = Case(
    "many cells, each just below its limit",
    cells=("import time\ntime.sleep(3)",) * 8,
    review=True,
)
