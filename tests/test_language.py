from threading import Thread

import pytest

from course_lib.language import Text, current_language, speak

VARIABLES = ("CAMP_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.mark.parametrize(
    ("set_to", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LC_ALL": "", "LANG": "zh_TW"}, "zh"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"CAMP_LANG": "zh", "LC_ALL": "en_GB"}, "zh"),
        ({"CAMP_LANG": "en", "LANG": "zh_CN.UTF-8"}, "en"),
    ],
)
def test_the_language_is_the_notebooks_or_the_locales(
    monkeypatch: pytest.MonkeyPatch, set_to: dict[str, str], language: str
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in set_to.items():
        monkeypatch.setenv(name, value)
    assert current_language() == language
    assert str(Text("好", "good")) == ("好" if language == "zh" else "good")


def test_a_thread_may_speak_another_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMP_LANG", "en")
    found = []

    def another() -> None:
        speak("zh")
        found.append(current_language())
        speak(None)
        found.append(current_language())

    thread = Thread(target=another)
    thread.start()
    thread.join()
    speak("zh")
    other = Thread(target=lambda: found.append(current_language()))
    other.start()
    other.join()
    speak(None)
    assert found == ["zh", "en", "en"]
