"""The chat template, against the cases of the InternLM2 format and the tokenizer's own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.errors import CampError
from course_lib.template import Message, render

U, A, S = "user", "assistant", "system"


@pytest.mark.parametrize(
    ("messages", "meta", "text"),
    [
        (
            [{"role": U, "content": "你好"}],
            None,
            "<|im_start|>user\n你好<|im_end|>\n<|im_start|>assistant\n",
        ),
        (
            [{"role": U, "content": "hi"}],
            "M",
            "<|im_start|>system\nM<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
        ),
        (
            [{"role": S, "content": "S"}, {"role": U, "content": "a"}],
            "ignored",
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n",
        ),
        (
            [{"role": U, "content": "写诗"}, {"role": A, "content": "床前"}],
            None,
            "<|im_start|>user\n写诗<|im_end|>\n<|im_start|>assistant\n床前",
        ),
        (
            [{"role": "environment", "name": "plugin", "content": '{"t": 22}'}],
            None,
            '<|im_start|>environment name=<|plugin|>\n{"t": 22}<|im_end|>\n<|im_start|>assistant\n',
        ),
        ([{"role": U, "name": "Li", "content": "x"}], None, render([Message("user", "x")])),
        ([], "M", "<|im_start|>system\nM<|im_end|>\n<|im_start|>assistant\n"),
    ],
)
def test_it_renders_the_internlm2_format(
    messages: list[dict[str, str]], meta: str | None, text: str
) -> None:
    assert render(messages, meta) == text


def test_an_unknown_role_is_refused_by_name() -> None:
    with pytest.raises(CampError, match="'tool'"):
        render([{"role": "tool", "content": "x"}])


texts = st.text("ab 你好\n.<|>{}", max_size=8)
turns = st.lists(
    st.builds(
        Message,
        st.sampled_from([S, U, A, "environment"]),
        texts,
        st.sampled_from([None, "plugin", "interpreter"]),
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=100)
@given(messages=turns, prompt=st.booleans())
def test_the_tokenizer_s_own_template_renders_the_same(
    shipped_tokenizer, messages: list[Message], prompt: bool
) -> None:
    own = shipped_tokenizer.apply_chat_template(
        [message.as_dict() for message in messages], tokenize=False, add_generation_prompt=prompt
    )
    assert own == render(messages, add_generation_prompt=prompt)
