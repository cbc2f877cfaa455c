"""When an interrupt is heard."""

from __future__ import annotations

import signal
import threading

import pytest

from course_lib.interrupts import put_off


def test_an_interrupt_comes_at_the_end_of_the_block_and_once() -> None:
    seen = []

    def interrupted() -> None:
        with put_off():
            signal.raise_signal(signal.SIGINT)
            seen.append("inside")
        seen.append("after")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert seen == ["inside"]
    with put_off():
        seen.append("again")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_of_the_block_stays_the_interrupts_context() -> None:
    def interrupted() -> None:
        with put_off():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("Invalid bounding box")

    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted()
    assert isinstance(caught.value.__context__, ValueError)


def test_a_thread_puts_nothing_off() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work() -> None:
        with put_off():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
