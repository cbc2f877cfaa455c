# ---
# jupyter:
#   course:
#     level: L1-2
#     minutes: 100
#     points: 100
#     prerequisites:
#     - 01_intro
#   jupytext:
#     cell_markers: '"""'
#     cell_metadata_filter: cases,check,evidence,exercise,given,lang,level,minutes,note,points,quiz,rubric,tags,tool,wrong,-all
#     notebook_metadata_filter: kernelspec,jupytext,course,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] lang="zh"
"""
# 8 GB 显存，让模型开口说话

## 一个只会接龙的东西，怎么变成对话？

语言模型只会一件事：给它一串词元，它给出下一个词元的概率。它不知道什么是“用户”，不知道话该在哪里停，也记不住上一句。你在网页上看到的对话，全是它外面那层程序做出来的。

这一课就写这层程序：拼提示词、一点点吐字、及时停下、抽下一个词元、记住（和忘掉）前文，再算清 8 GB 显存够不够。最后把它放进终端和网页，写一篇 300 字的故事，那就是这一关的任务。

营里用的是 InternLM2-Chat-1.8B。这里默认用课程自带的 `camp-mini`，笔记本 CPU 就能跑，同一套格式，只是小约七百倍，所以它说的话常常不对：**看机制，别信内容**。机器上有 GPU 和 InternLM2.5 时会自动改用它（我们没有在 GPU 上运行过）；`CAMP_MODEL` 可以指定别的模型目录。

## 加载

营里的代码是这样：

```python
AutoModelForCausalLM.from_pretrained(path, trust_remote_code=True,
                                     torch_dtype=torch.bfloat16, device_map="cuda:0")
```

少写 `torch_dtype` 会怎样？当年的 transformers 按 32 位加载，1.8B 从 3.8 GB 变成 7.6 GB，8 GB 的切片当场爆掉。`trust_remote_code=True` 表示运行模型目录里的 Python 代码：只对信得过的来源这么写。

## 第一次开口：直接把问题给它

先试最省事的办法：把问题原样喂进去，让它往下写 30 个词元。再试另一种：前后各加几个标记。先猜，再运行。
"""

# %% [markdown] lang="en"
"""
# Make a model talk in 8 GB

## How does something that only continues text become a dialogue?

A language model can do one thing: given a row of tokens, it gives the probability of the next. It does not know what a "user" is, where to stop, or what was said before. The dialogue that you see on a web page is made by the program around it.

In this lesson you write that program: build the prompt, stream, stop in time, draw the next token, remember (and forget) what was said, and work out whether 8 GB will do. Then it goes into a terminal and onto a web page, and writes a story of 300 characters, which is this level's task.

The camp uses InternLM2-Chat-1.8B. Here it is the course's own `camp-mini`, which runs on a laptop's CPU: the same format, about seven hundred times smaller, so what it says is often wrong: **watch the mechanism, don't trust the content**. On a machine with a GPU and InternLM2.5 that one is taken (we have not run it on a GPU); `CAMP_MODEL` names any other model folder.

## Load

The camp's code reads:

```python
AutoModelForCausalLM.from_pretrained(path, trust_remote_code=True,
                                     torch_dtype=torch.bfloat16, device_map="cuda:0")
```

What if `torch_dtype` is left out? The transformers of that time loaded 32 bits: 1.8B takes 7.6 GB instead of 3.8 GB, and a slice of 8 GB is gone. `trust_remote_code=True` runs Python code from the model's folder: only for sources that you trust.

## First words: just give it the question

First the lazy way: feed the bare question and let the model write 30 tokens. Then another way, with a few markers around it. Guess, then run.
"""

# %%
from course_lib import chat, models
from course_lib.decoding import Sampling
from course_lib.language import Text
from course_lib.talk.pictures import loop_picture
from course_lib.talk.tokens import token_strip

display(loop_picture())
bot = chat.load(models.find())
count, one = bot.model.num_parameters(), next(bot.model.parameters())
print(f"{count:,} parameters, {one.dtype}, {count * one.element_size() / 1e6:,.1f} MB, {bot.context:,} tokens")
question = str(Text("你是谁？", "Who are you?"))
print("bare:  ", repr(question + bot.complete(question, Sampling(max_new_tokens=30)).text))
marked = bot.chat(question, Sampling(max_new_tokens=30))
print("marked:", repr(marked.text), "->", marked.finish)
token_strip(bot, bot.prompt(question) + marked.text)

# %% [markdown] lang="zh"
r"""
没有标记，它不知道轮到谁说话，可能接着往下编，也可能一声不吭；有了标记，它认出这是“用户说完了，该助手了”。橙色的是**特殊词元**，一个标记就是一个词元，普通文字拼不出来。

InternLM2 的格式（仓库 `chat/chat_format.md`）：每一轮是 `<|im_start|>角色`、换行、内容、`<|im_end|>`、换行。角色有 system、user、assistant 和放工具结果的 **environment**。

### ✏️

写 `render_chat`：

- `meta` 是系统提示词：给了、而且第一条消息不是 system，才在最前面加一轮 system；
- 消息的 `name` 是 `plugin` 或 `interpreter` 时，角色后面加 ` name=<|plugin|>` 或 ` name=<|interpreter|>`，别的 `name` 不理；
- 最后接上 `<|im_start|>assistant` 和换行，请它开口；如果最后一条已经是 assistant，就让那一轮**开着**（不写 `<|im_end|>`），它会接着写；
- `add_generation_prompt=False`：每一轮都关上，后面什么也不接；
- 文本里不写 `<s>`，那是分词器的事。

<details><summary>提示</summary>

先把每一轮都关上，拼成一整段，最后再处理结尾：`text.removesuffix("<|im_end|>\n")`。

</details>
"""

# %% [markdown] lang="en"
r"""
Without markers it cannot know whose turn it is: it may ramble on or say nothing at all; with them it recognises "the user has finished, the assistant is next". The orange ones are **special tokens**: one marker, one token, which ordinary text cannot spell.

InternLM2's format (the repository's `chat/chat_format.md`): each turn is `<|im_start|>role`, a new line, the content, `<|im_end|>`, a new line. Roles are system, user, assistant, and **environment** for what a tool returns.

### ✏️

Write `render_chat`:

- `meta` is the system prompt: only if it is given and the first message is not system, put a system turn at the head;
- when a message's `name` is `plugin` or `interpreter`, ` name=<|plugin|>` or ` name=<|interpreter|>` follows the role; any other `name` is ignored;
- at the end add `<|im_start|>assistant` and a new line, asking it to speak; if the last message is already the assistant's, leave that turn **open** (no `<|im_end|>`), and it goes on with it;
- `add_generation_prompt=False`: every turn is closed and nothing follows;
- no `<s>` in the text, that is the tokenizer's business.

<details><summary>Hint</summary>

Close every turn and join them first; mend the end last: `text.removesuffix("<|im_end|>\n")`.

</details>
"""

# %% exercise="render_chat" level=2 minutes=12 points=12
def render_chat(
    messages: list[dict], meta: str | None = None, add_generation_prompt: bool = True
) -> str:
    """
    zh: 把消息拼成 InternLM2 的对话文本。
    en: Return the text of a dialogue in InternLM2's chat format.
    """
    ### BEGIN SOLUTION
    turns = list(messages)
    if meta is not None and (not turns or turns[0]["role"] != "system"):
        turns.insert(0, {"role": "system", "content": meta})
    text = ""
    for turn in turns:
        name = turn.get("name")
        tool = f" name=<|{name}|>" if name in ("plugin", "interpreter") else ""
        text += f"<|im_start|>{turn['role']}{tool}\n{turn['content']}<|im_end|>\n"
    if not add_generation_prompt:
        return text
    if turns and turns[-1]["role"] == "assistant":
        return text.removesuffix("<|im_end|>\n")
    return text + "<|im_start|>assistant\n"
    ### END SOLUTION

# %% check="render_chat"
check("render_chat", [
    case([{"role": "user", "content": "你好"}],
         gives="<|im_start|>user\n你好<|im_end|>\n<|im_start|>assistant\n"),
    case([{"role": "user", "content": "hi"}], meta="M", zh="有 meta", en="with meta",
         gives="<|im_start|>system\nM<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"
               "<|im_start|>assistant\n"),
    case([{"role": "system", "content": "S"}, {"role": "user", "content": "a"},
          {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}], meta="ignored",
         zh="消息里已有 system", en="the messages bring a system turn",
         gives="<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n"
               "<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n"
               "<|im_start|>assistant\n"),
    case([{"role": "user", "content": "写诗"}, {"role": "assistant", "content": "床前"}],
         zh="最后一条是 assistant", en="the last message is the assistant's",
         gives="<|im_start|>user\n写诗<|im_end|>\n<|im_start|>assistant\n床前"),
    case([{"role": "user", "content": "t?"},
          {"role": "environment", "name": "plugin", "content": '{"temperature": 22}'}],
         zh="工具的结果", en="a tool's result",
         gives="<|im_start|>user\nt?<|im_end|>\n<|im_start|>environment name=<|plugin|>\n"
               '{"temperature": 22}<|im_end|>\n<|im_start|>assistant\n'),
])

# %% cases="render_chat"
def cases(rng):
    word = "".join(rng.sample("天地玄黄宇宙洪荒", 4))
    yield case([], meta="M", zh="没有消息，只有 meta", en="no message, only meta")
    yield case([{"role": "user", "name": "bob", "content": "hi"}], zh="认不得的 name", en="an unknown name")
    yield case([{"role": "user", "content": word}], add_generation_prompt=False,
               zh="add_generation_prompt=False", en="add_generation_prompt=False")
    yield case([{"role": "user", "content": "q"}, {"role": "assistant", "content": word}],
               add_generation_prompt=False, zh="不续写，最后一条是 assistant",
               en="no prompt to go on, the assistant last")
    yield case([{"role": "user", "content": word}, {"role": "assistant", "content": ""}],
               zh="开着的空轮", en="an open, empty turn")
    tool = {"role": "environment", "name": "interpreter", "content": "4"}
    yield case([{"role": "user", "content": "2+2"}, tool], zh="代码解释器的结果",
               en="a code interpreter's result")
    yield case([{"role": "system", "name": "plugin", "content": "[]"}, {"role": "user", "content": "q"}],
               meta="M", zh="system 轮带 name", en="a system turn with a name")
    for _ in range(6):
        roles = ["user", "assistant"] * rng.randint(1, 3)
        turns = [{"role": role, "content": rng.choice(["你好", "a b", word, "两行\n字"])}
                 for role in roles[: rng.randint(1, len(roles))]]
        yield case(turns, meta=rng.choice([None, "你是猫。"]), zh="随机的对话", en="a random dialogue")

# %% wrong="render_chat"
# zh: 消息里已有 system 时，meta 不再加
# en: meta is left out when the messages begin with a system turn
def render_chat(messages, meta=None, add_generation_prompt=True):
    turns = ([{"role": "system", "content": meta}] if meta is not None else []) + messages
    tools = ("plugin", "interpreter")
    text = "".join(
        f"<|im_start|>{t['role']}{' name=<|' + t['name'] + '|>' if t.get('name') in tools else ''}"
        f"\n{t['content']}<|im_end|>\n" for t in turns)
    if not add_generation_prompt:
        return text
    if turns and turns[-1]["role"] == "assistant":
        return text.removesuffix("<|im_end|>\n")
    return text + "<|im_start|>assistant\n"

# %% wrong="render_chat"
# zh: 最后一条是 assistant 时要让它开着，不要另开一轮
# en: a last assistant turn stays open; don't begin another
def render_chat(messages, meta=None, add_generation_prompt=True):
    turns = list(messages)
    if meta is not None and (not turns or turns[0]["role"] != "system"):
        turns.insert(0, {"role": "system", "content": meta})
    tools = ("plugin", "interpreter")
    text = "".join(
        f"<|im_start|>{t['role']}{' name=<|' + t['name'] + '|>' if t.get('name') in tools else ''}"
        f"\n{t['content']}<|im_end|>\n" for t in turns)
    return text + "<|im_start|>assistant\n" if add_generation_prompt else text

# %% wrong="render_chat"
# zh: <s> 由分词器加，模板的文本里没有
# en: the tokenizer adds <s>; it is not in the template's text
def render_chat(messages, meta=None, add_generation_prompt=True):
    turns = list(messages)
    if meta is not None and (not turns or turns[0]["role"] != "system"):
        turns.insert(0, {"role": "system", "content": meta})
    tools = ("plugin", "interpreter")
    text = "<s>" + "".join(
        f"<|im_start|>{t['role']}{' name=<|' + t['name'] + '|>' if t.get('name') in tools else ''}"
        f"\n{t['content']}<|im_end|>\n" for t in turns)
    if not add_generation_prompt:
        return text
    if turns and turns[-1]["role"] == "assistant":
        return text.removesuffix("<|im_end|>\n")
    return text + "<|im_start|>assistant\n"

# %% wrong="render_chat"
# zh: <|im_end|> 后面还有一个换行
# en: a new line follows each <|im_end|>
def render_chat(messages, meta=None, add_generation_prompt=True):
    turns = list(messages)
    if meta is not None and (not turns or turns[0]["role"] != "system"):
        turns.insert(0, {"role": "system", "content": meta})
    tools = ("plugin", "interpreter")
    text = "".join(
        f"<|im_start|>{t['role']}{' name=<|' + t['name'] + '|>' if t.get('name') in tools else ''}"
        f"\n{t['content']}<|im_end|>" for t in turns)
    if not add_generation_prompt:
        return text
    if turns and turns[-1]["role"] == "assistant":
        return text.removesuffix("<|im_end|>")
    return text + "<|im_start|>assistant\n"

# %% wrong="render_chat"
# zh: 只有 plugin 和 interpreter 两个 name 才写进去
# en: only the names plugin and interpreter are written
def render_chat(messages, meta=None, add_generation_prompt=True):
    turns = list(messages)
    if meta is not None and (not turns or turns[0]["role"] != "system"):
        turns.insert(0, {"role": "system", "content": meta})
    text = "".join(
        f"<|im_start|>{t['role']}{' name=<|' + t['name'] + '|>' if t.get('name') else ''}"
        f"\n{t['content']}<|im_end|>\n" for t in turns)
    if not add_generation_prompt:
        return text
    if turns and turns[-1]["role"] == "assistant":
        return text.removesuffix("<|im_end|>\n")
    return text + "<|im_start|>assistant\n"

# %% wrong="render_chat"
# zh: 工具轮的角色后面少了 name=<|plugin|>
# en: name=<|plugin|> is missing after the role of a tool's turn
def render_chat(messages, meta=None, add_generation_prompt=True):
    turns = list(messages)
    if meta is not None and (not turns or turns[0]["role"] != "system"):
        turns.insert(0, {"role": "system", "content": meta})
    text = "".join(f"<|im_start|>{t['role']}\n{t['content']}<|im_end|>\n" for t in turns)
    if not add_generation_prompt:
        return text
    if turns and turns[-1]["role"] == "assistant":
        return text.removesuffix("<|im_end|>\n")
    return text + "<|im_start|>assistant\n"

# %%
# zh: 真正的库来对账：分词器自己的模板。再看工具的结果长什么样，流式输出又是什么样
# en: a real library audits you: the tokenizer's own template; what a tool's result looks like, and a stream
from course_lib.demo import needs
from course_lib.talk.cumulative import stream_chat

dialogue = [{"role": "system", "content": str(Text("你是一只猫。", "You are a cat."))},
            {"role": "user", "content": question},
            {"role": "environment", "name": "plugin", "content": '{"temperature": 22}'}]
with needs("render_chat"):
    theirs = bot.tokenizer.apply_chat_template(dialogue, tokenize=False, add_generation_prompt=True)
    print("same as the tokenizer's template:", render_chat(dialogue) == theirs)
    display(token_strip(bot, render_chat(dialogue)))
print("".join(stream_chat(bot, question)))

# %% [markdown] lang="zh"
"""
同一个模型，不同的程序把系统提示词放在不同的地方：`stream_chat` 用 `meta_instruction`；营里的 CLI 示例把它当作**第一轮用户的话**，回答留空；LMDeploy 只在第一条不是 system 时加默认值。结果不一样时，先把拼好的文本打印出来看。

## 一点点吐字

InternLM 的 `stream_chat` 每次给的是**到目前为止的整段话**。照直打印会怎样？看上面最后一行：答案一遍又一遍地重来。要打印的只是**新多出来的那一截**（delta）。

写 `stream_deltas(cumulative)`：返回每一步新增的文字；`None` 跳过（有的服务会发空包），没有新增就是 `""`。

<details><summary>提示</summary>

记住上一段的长度，切片 `text[len(before):]`。别用 `replace`：想想“哈”后面来了“哈哈”。

</details>
"""

# %% [markdown] lang="en"
"""
The same model, and different programs put the system prompt in different places: `stream_chat` takes `meta_instruction`; the camp's CLI demo sends it as the **first user turn** with an empty answer; LMDeploy adds its default only when the first message is not system. When results differ, print the rendered text first.

## Word by word

InternLM's `stream_chat` yields **the whole answer so far**, each time. What happens if you just print that? See the last line above: the answer starts over again and again. What you want to print is only **what is new**, the delta.

Write `stream_deltas(cumulative)`: return what each step adds; skip `None` (some servers send empty packets); a step that adds nothing gives `""`.

<details><summary>Hint</summary>

Remember the length of the text before and slice `text[len(before):]`. Not `replace`: think of "ha" followed by "haha".

</details>
"""

# %% exercise="stream_deltas" level=1 minutes=6 points=6
def stream_deltas(cumulative) -> list[str]:
    """
    zh: 每一步新增的文字；跳过 None。
    en: Return what each step adds to the text; None is skipped.
    """
    ### BEGIN SOLUTION
    before, deltas = "", []
    for text in cumulative:
        if text is not None:
            deltas.append(text[len(before):])
            before = text
    return deltas
    ### END SOLUTION

# %% check="stream_deltas"
check("stream_deltas", [
    case(["你", "你好", "你好！"], gives=["你", "好", "！"]),
    case(["", "a", None, "a", "abc"], gives=["", "a", "", "bc"], zh="有 None，有重复",
         en="a None and a repeat"),
    case(["x", "xy", "xyz"], gives=["x", "y", "z"]),
    case(["哈", "哈哈", "哈哈哈"], gives=["哈", "哈", "哈"], zh="字会重复", en="characters repeat"),
])

# %% cases="stream_deltas"
def cases(rng):
    yield case([], zh="空的流", en="an empty stream")
    yield case([None, None], zh="全是 None", en="only None")
    yield case(["👍", "👍🎉", "👍🎉🎉"], zh="表情符号", en="emoji")
    yield case(["ab", "ab", "ab"], zh="没有新增", en="nothing new")
    for _ in range(8):
        text = "".join(rng.choice("aab哈你🎉") for _ in range(rng.randint(3, 12)))
        ends = sorted(rng.choices(range(len(text) + 1), k=5))
        steps = [text[:end] for end in ends]
        steps.insert(rng.randint(1, 4), None)
        yield case(steps, zh="随机的流", en="a random stream")

# %% wrong="stream_deltas"
# zh: 这是到目前为止的整段话，要的是新增的那一截
# en: this is the whole text so far; only what is new is wanted
def stream_deltas(cumulative):
    return [text for text in cumulative if text is not None]

# %% wrong="stream_deltas"
# zh: None 要跳过
# en: None is to be skipped
def stream_deltas(cumulative):
    before, deltas = "", []
    for text in cumulative:
        deltas.append(text[len(before):])
        before = text
    return deltas

# %% wrong="stream_deltas"
# zh: 一步可能新增好几个字，不止最后一个
# en: a step may add several characters, not only the last one
def stream_deltas(cumulative):
    return [text[-1:] for text in cumulative if text is not None]

# %% wrong="stream_deltas"
# zh: replace 会把重复的字也删掉；按长度切片
# en: replace also deletes repeated characters; slice by length
def stream_deltas(cumulative):
    before, deltas = "", []
    for text in cumulative:
        if text is not None:
            deltas.append(text.replace(before, "") if before else text)
            before = text
    return deltas

# %% wrong="stream_deltas"
# zh: 没有新增的一步也要占一个位置，给 ""
# en: a step that adds nothing still counts: it gives ""
def stream_deltas(cumulative):
    before, deltas = "", []
    for text in cumulative:
        if text:
            if text[len(before):]:
                deltas.append(text[len(before):])
            before = text
    return deltas

# %%
with needs("stream_deltas"):
    print("|".join(stream_deltas(stream_chat(bot, question))))

typed = "Tell me a story"
for line in (typed, typed.replace(" ", "")):
    pieces = [bot.tokenizer.decode([token]) for token in bot.encode(line, begin=False)]
    print(len(pieces), "tokens:", "|".join(pieces))

# %% [markdown] lang="zh"
"""
## 用户那一行

营里的 CLI 示例收下一行输入后，做了 `replace(' ', '')`，大概是想去掉首尾的空格。中文看不出毛病，英文呢？看上面两行词元，空格没了，单词也不认得了。

写 `clean_turn(text)`：只去掉首尾的空白，中间的保留；输入是 `exit`（不分大小写）时返回 `None`，表示结束。`exit the room` 和 `exit.` 都是正常的话。

<details><summary>提示</summary>

两行：`strip()`，再和 `"exit"` 比小写。

</details>
"""

# %% [markdown] lang="en"
"""
## The user's line

The camp's CLI demo reads a line and does `replace(' ', '')`, meant perhaps to drop spaces at the ends. In Chinese nobody notices. In English? See the two lines of tokens above: without spaces the words are gone, too.

Write `clean_turn(text)`: drop white space at both ends only, keep what is inside; return `None` for `exit` in any case, which ends the demo. `exit the room` and `exit.` are ordinary words.

<details><summary>Hint</summary>

Two lines: `strip()`, then compare its lower case with `"exit"`.

</details>
"""

# %% exercise="clean_turn" level=1 minutes=5 points=5
def clean_turn(text: str) -> str | None:
    """
    zh: 去掉首尾空白；exit 返回 None。
    en: Return the text without white space at its ends; None for exit.
    """
    ### BEGIN SOLUTION
    stripped = text.strip()
    return None if stripped.lower() == "exit" else stripped
    ### END SOLUTION

# %% check="clean_turn"
check("clean_turn", [
    case("  Tell me a story \n", gives="Tell me a story"),
    case("EXIT", gives=None),
    case("exit the room", gives="exit the room", zh="以 exit 开头的话", en="a sentence that begins with exit"),
    case(" exit\n", gives=None, zh="exit 前后有空白", en="space around exit"),
    case("a  b", gives="a  b", zh="中间有两个空格", en="two spaces inside"),
])

# %% cases="clean_turn"
def cases(rng):
    yield case("\tx y\t\n", zh="制表符", en="tabs")
    yield case("床前　明月光", zh="中间有全角空格", en="a full-width space inside")
    yield case("exit.", zh="exit 后面有句号", en="exit with a full stop")
    yield case("  eXiT\t", zh="大小写混写", en="mixed case")
    yield case("   ", zh="只有空白", en="only white space")
    for _ in range(5):
        words = rng.choices(["exit", "hello", "你好", "a\tb", "story"], k=rng.randint(2, 4))
        yield case(" " + rng.choice([" ", "  "]).join(words) + "\n", zh="随机的一行", en="a random line")

# %% wrong="clean_turn"
# zh: 中间的空格被删掉了；只去首尾
# en: spaces inside are gone; only the ends are to be stripped
def clean_turn(text):
    text = text.replace(" ", "").strip()
    return None if text.lower() == "exit" else text

# %% wrong="clean_turn"
# zh: exit 不分大小写
# en: exit counts in any case
def clean_turn(text):
    return None if text.strip() == "exit" else text.strip()

# %% wrong="clean_turn"
# zh: 整行正好是 exit 才结束，以它开头的不算
# en: only a line that is exit ends, not one that begins with it
def clean_turn(text):
    return None if text.strip().lower().startswith("exit") else text.strip()

# %% wrong="clean_turn"
# zh: 先去首尾空白，再和 exit 比
# en: strip first, then compare with exit
def clean_turn(text):
    return None if text.lower() == "exit" else text.strip()

# %% wrong="clean_turn"
# zh: 中间的空白要原样保留
# en: white space inside stays as it is
def clean_turn(text):
    text = " ".join(text.split())
    return None if text.lower() == "exit" else text

# %%
deaf = chat.ChatModel(bot.model, bot.tokenizer, bot.folder)
deaf.ends = set()
ids = [delta.token for delta in deaf.stream(question, Sampling(max_new_tokens=60)) if delta.token >= 0]
print("end tokens of this model:", sorted(bot.ends))
token_strip(bot, ids)

# %% [markdown] lang="zh"
"""
## 停不下来

模型说完话会产出一个结束词元。对话里是 `<|im_end|>`（InternLM2 的编号 92542），纯文本是 `</s>`（编号 2）。只认其中一个会怎样？上面那格干脆一个都不认。

看回答后面的第一个橙色标记之后：话已经说完，它还得接着写：一遍遍重复结束标记，或者编下去，有的模型还替用户开新的一轮。这不是模型坏了，是外面的程序没停。

### ✏️

写 `stop_cut(ids, eos)`：在**任何一种**结束词元第一次出现的地方截断，不含它。

<details><summary>提示</summary>

一个循环：遇到 `eos` 里的编号就返回前面的。

</details>
"""

# %% [markdown] lang="en"
"""
## It does not stop

When a model has finished, it produces an end token. In a chat that is `<|im_end|>` (92542 in InternLM2), in plain text `</s>` (2). What if a program knows only one of them? The cell above knows none.

Look after the first orange marker behind the answer: all is said, yet it has to go on: it repeats the end token or invents more; some models open a new turn in the user's name. The model is not broken; the program around it did not stop.

### ✏️

Write `stop_cut(ids, eos)`: cut at the first end token **of any kind**, without it.

<details><summary>Hint</summary>

One loop: at an id that is in `eos`, return what came before.

</details>
"""

# %% exercise="stop_cut" level=1 minutes=5 points=6
def stop_cut(ids: list[int], eos=(2, 92542)) -> list[int]:
    """
    zh: 第一个结束词元之前的编号。
    en: Return the ids before the first end token.
    """
    ### BEGIN SOLUTION
    for place, token in enumerate(ids):
        if token in eos:
            return list(ids[:place])
    return list(ids)
    ### END SOLUTION

# %% check="stop_cut"
check("stop_cut", [
    case([5, 6, 92542, 7], gives=[5, 6]),
    case([5, 2, 6], gives=[5]),
    case([5, 6], gives=[5, 6], zh="没有结束词元", en="no end token"),
    case([8, 92542, 9, 2, 1], gives=[8], zh="两种都有", en="both kinds"),
])

# %% cases="stop_cut"
def cases(rng):
    yield case([2, 5, 6], zh="第一个就是", en="an end token first")
    yield case([], zh="空的", en="nothing at all")
    yield case([5, 92542, 6, 92542, 7], zh="出现两次", en="twice the same")
    yield case([1, 7, 92542, 9], eos=(7,), zh="另一组结束词元", en="other end tokens")
    yield case([5, 2, 7], eos=[7], zh="这里 2 不是结束词元", en="2 is no end token here")
    for _ in range(8):
        ids = rng.choices([2, 92542, *range(10, 40)], k=rng.randint(4, 12))
        yield case(ids, zh="随机的编号", en="random ids")

# %% wrong="stop_cut"
# zh: 两种结束词元都要认，谁先出现就在谁那里停
# en: both end tokens count, whichever comes first
def stop_cut(ids, eos=(2, 92542)):
    for end in eos:
        if end in ids:
            return ids[: ids.index(end)]
    return ids

# %% wrong="stop_cut"
# zh: 结束词元自己不算在内
# en: the end token itself is left out
def stop_cut(ids, eos=(2, 92542)):
    for place, token in enumerate(ids):
        if token in eos:
            return ids[: place + 1]
    return ids

# %% wrong="stop_cut"
# zh: 要截断，不是把结束词元挑掉、后面的留下
# en: cut there; don't just drop end tokens and keep what follows
def stop_cut(ids, eos=(2, 92542)):
    return [token for token in ids if token not in eos]

# %% wrong="stop_cut"
# zh: 只认了 2；对话里的结束是 <|im_end|>
# en: only 2 is known; a chat ends in <|im_end|>
def stop_cut(ids, eos=(2, 92542)):
    return ids[: ids.index(2)] if 2 in ids else ids

# %% wrong="stop_cut"
# zh: 用参数 eos，不要写死编号
# en: use the argument eos, not fixed ids
def stop_cut(ids, eos=(2, 92542)):
    for place, token in enumerate(ids):
        if token in (2, 92542):
            return ids[:place]
    return ids

# %%
with needs("stop_cut"):
    print(bot.tokenizer.decode(stop_cut(ids, bot.ends)))

import math

for x in (10.0, 100.0, 1000.0):
    try:
        print(f"exp({x:g}) = {math.exp(x):.3g}")
    except OverflowError as error:
        print(f"exp({x:g}): {error}")

# %% [markdown] lang="zh"
"""
## 掷骰子

模型给出的是**logits**：词表里每个词元一个分数。怎么挑下一个？总拿最高的（贪心），同一个问题永远同一个答案，还容易绕圈；完全照概率抽，又常常抽到胡话。四个旋钮：

- **温度** T：先把 logits 除以 T 再做 softmax。T 小，分布变尖；T 大，变平；T=0 约定为贪心。
- **top-k**：只留分数最高的 k 个。
- **top-p**：按概率从高到低排，留下累计概率**达到** p 的最短前缀，再归一化。
- **重复惩罚**：见下一题。营里的网页用 T=0.8、top-p=0.8、重复惩罚 1.005。

softmax 最直接的写法是 `exp(x) / sum(exp)`。错在哪？看上面三行 `exp`。

所有 logits 减去同一个数，softmax 不变；减去最大值，`exp` 就再也不会溢出。

写 `next_token_probs`：温度 0 返回 one-hot（并列取最小的编号）；否则依次做 top-k（并列留编号小的；0 表示不限）、除以温度、softmax、top-p、归一化。返回和 `logits` 一样长的列表。

<details><summary>提示 1</summary>

先排一个次序：`order = sorted(range(n), key=lambda i: (-logits[i], i))`。温度不改变次序，所以 top-k 和 top-p 都能用它。

</details>
<details><summary>提示 2</summary>

top-p：沿 `order` 累加，**加进去之后**达到 p 就停。这样至少留下一个。

</details>
"""

# %% [markdown] lang="en"
"""
## Throwing dice

What the model gives are **logits**: one score for each token of the vocabulary. How to choose? Always the highest (greedy): the same question has the same answer for ever, and it tends to go in circles. Drawing by the bare probabilities: nonsense slips in. Four knobs:

- **temperature** T: divide the logits by T before the softmax. Small T sharpens, large T flattens; T=0 stands for greedy.
- **top-k**: keep only the k highest scores.
- **top-p**: sort by probability and keep the shortest prefix whose sum **reaches** p, then renormalise.
- **repetition penalty**: the next exercise. The camp's web demo has T=0.8, top-p=0.8, penalty 1.005.

The plainest softmax is `exp(x) / sum(exp)`. What is wrong with it? See the three lines of `exp` above.

Subtract one number from all logits and the softmax stays the same; subtract the largest and `exp` can never overflow.

Write `next_token_probs`: temperature 0 gives a one-hot (the lowest id among equals); otherwise top-k (among equals the lower ids stay; 0 means all), division by the temperature, softmax, top-p, renormalise, in this order. Return a list as long as `logits`.

<details><summary>Hint 1</summary>

Sort once: `order = sorted(range(n), key=lambda i: (-logits[i], i))`. Temperature does not change the order, so top-k and top-p both use it.

</details>
<details><summary>Hint 2</summary>

top-p: add up along `order` and stop **after** the one that reaches p. So at least one stays.

</details>
"""

# %% exercise="next_token_probs" level=3 minutes=16 points=14
import math


def next_token_probs(logits, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> list:
    """
    zh: 下一个词元的概率，和 logits 一样长。
    en: Return the next token's probabilities, as many as there are logits.
    """
    ### BEGIN SOLUTION
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    probs = [0.0] * len(logits)
    if temperature == 0:
        probs[order[0]] = 1.0
        return probs
    kept = order[:top_k] if top_k else order
    highest = logits[order[0]]
    weights = {i: math.exp((logits[i] - highest) / temperature) for i in kept}
    total, reached, chosen = sum(weights.values()), 0.0, []
    for i in kept:
        chosen.append(i)
        reached += weights[i] / total
        if reached >= top_p:
            break
    for i in chosen:
        probs[i] = weights[i] / total / reached
    return probs
    ### END SOLUTION

# %% check="next_token_probs"
check("next_token_probs", [
    case([2.0, 1.0, 0.0], 1.0, gives=[0.6652409557748219, 0.24472847105479767, 0.09003057317038046]),
    case([2.0, 1.0, 0.0], 1.0, top_p=0.8, gives=[0.7310585786300049, 0.2689414213699951, 0.0],
         zh="top_p=0.8", en="top_p=0.8"),
    case([2.0, 1.0, 0.0], 0, gives=[1.0, 0.0, 0.0], zh="温度 0", en="temperature 0"),
    case([1.0, 1.0, 0.0], 0.5, top_k=1, gives=[1.0, 0.0, 0.0], zh="top_k=1，并列", en="top_k=1, equals"),
    case([2.0, 1.0, 0.0], 0.5, gives=[0.8668133321973349, 0.11731042782619838, 0.015876239976466765],
         zh="温度 0.5", en="temperature 0.5"),
    case([1000.0, 999.0], 1.0, gives=[0.7310585786300049, 0.2689414213699951],
         zh="很大的 logits", en="huge logits"),
], rtol=1e-6)

# %% cases="next_token_probs"
def cases(rng):
    yield case([5000.0, 4990.0, -5000.0], 1.0, zh="极大的 logits", en="huge logits")
    yield case([0.0, 3.0, 3.0], 0, zh="温度 0，并列", en="temperature 0, equals")
    yield case([1.0, 2.0, 0.5], 1.0, top_p=0.01, zh="top_p 极小", en="a tiny top_p")
    yield case([0.0, 0.0], 1.0, top_p=0.5, zh="累计正好等于 top_p", en="the sum is top_p exactly")
    yield case([1.0, 2.0, 2.0, 2.0], 1.0, top_k=2, zh="top_k，并列", en="top_k among equals")
    yield case([3.0, 2.5, 2.0, 1.0, -1.0], 1.0, top_k=3, top_p=0.5, zh="top_k 和 top_p 一起用",
               en="top_k and top_p together")
    yield case([0.3], 0.7, top_k=5, top_p=0.9, zh="只有一个词元", en="a single token")
    for _ in range(10):
        logits = [round(rng.uniform(-4, 4), 3) for _ in range(rng.randint(4, 9))]
        yield case(logits, rng.choice([0.3, 0.7, 1.5, 2.0]), top_k=rng.choice([0, 2, 3]),
                   top_p=rng.choice([1.0, 0.9, 0.55]), zh="随机的 logits", en="random logits")

# %% wrong="next_token_probs"
# zh: 先减去最大的 logit，exp 才不会溢出
# en: subtract the largest logit first, so that exp cannot overflow
def next_token_probs(logits, temperature=1.0, top_k=0, top_p=1.0):
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    if temperature == 0:
        return [float(i == order[0]) for i in range(len(logits))]
    kept = order[:top_k] if top_k else order
    weights = {i: math.exp(logits[i] / temperature) for i in kept}
    total, reached, chosen = sum(weights.values()), 0.0, {}
    for i in kept:
        chosen[i] = weights[i] / total
        reached += chosen[i]
        if reached >= top_p:
            break
    return [chosen.get(i, 0.0) / reached for i in range(len(logits))]

# %% wrong="next_token_probs"
# zh: 温度 0 要单独处理，不能拿它去除
# en: treat temperature 0 apart; nothing can be divided by it
def next_token_probs(logits, temperature=1.0, top_k=0, top_p=1.0):
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    kept = order[:top_k] if top_k else order
    weights = {i: math.exp((logits[i] - logits[order[0]]) / temperature) for i in kept}
    total, reached, chosen = sum(weights.values()), 0.0, {}
    for i in kept:
        chosen[i] = weights[i] / total
        reached += chosen[i]
        if reached >= top_p:
            break
    return [chosen.get(i, 0.0) / reached for i in range(len(logits))]

# %% wrong="next_token_probs"
# zh: top-p 筛过以后要重新归一化，和才是 1
# en: renormalise after top-p, so that the sum is 1 again
def next_token_probs(logits, temperature=1.0, top_k=0, top_p=1.0):
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    if temperature == 0:
        return [float(i == order[0]) for i in range(len(logits))]
    kept = order[:top_k] if top_k else order
    weights = {i: math.exp((logits[i] - logits[order[0]]) / temperature) for i in kept}
    total, reached, chosen = sum(weights.values()), 0.0, {}
    for i in kept:
        chosen[i] = weights[i] / total
        reached += chosen[i]
        if reached >= top_p:
            break
    return [chosen.get(i, 0.0) for i in range(len(logits))]

# %% wrong="next_token_probs"
# zh: 让累计达到 top_p 的那个词元也要留下
# en: the token that makes the sum reach top_p stays, too
def next_token_probs(logits, temperature=1.0, top_k=0, top_p=1.0):
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    if temperature == 0:
        return [float(i == order[0]) for i in range(len(logits))]
    kept = order[:top_k] if top_k else order
    weights = {i: math.exp((logits[i] - logits[order[0]]) / temperature) for i in kept}
    total, reached, chosen = sum(weights.values()), 0.0, {}
    for i in kept:
        if chosen and reached + weights[i] / total > top_p + 1e-9:
            break
        chosen[i] = weights[i] / total
        reached += chosen[i]
    return [chosen.get(i, 0.0) / reached for i in range(len(logits))]

# %% wrong="next_token_probs"
# zh: logits 要除以温度，不是乘
# en: divide the logits by the temperature, don't multiply
def next_token_probs(logits, temperature=1.0, top_k=0, top_p=1.0):
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    if temperature == 0:
        return [float(i == order[0]) for i in range(len(logits))]
    kept = order[:top_k] if top_k else order
    weights = {i: math.exp((logits[i] - logits[order[0]]) * temperature) for i in kept}
    total, reached, chosen = sum(weights.values()), 0.0, {}
    for i in kept:
        chosen[i] = weights[i] / total
        reached += chosen[i]
        if reached >= top_p:
            break
    return [chosen.get(i, 0.0) / reached for i in range(len(logits))]

# %% wrong="next_token_probs"
# zh: 并列时 top-k 也只留 k 个，编号小的优先
# en: top-k keeps k even among equals, lower ids first
def next_token_probs(logits, temperature=1.0, top_k=0, top_p=1.0):
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    if temperature == 0:
        return [float(i == order[0]) for i in range(len(logits))]
    lowest = logits[order[min(top_k, len(order)) - 1]] if top_k else -math.inf
    kept = [i for i in order if logits[i] >= lowest]
    weights = {i: math.exp((logits[i] - logits[order[0]]) / temperature) for i in kept}
    total, reached, chosen = sum(weights.values()), 0.0, {}
    for i in kept:
        chosen[i] = weights[i] / total
        reached += chosen[i]
        if reached >= top_p:
            break
    return [chosen.get(i, 0.0) / reached for i in range(len(logits))]

# %% wrong="next_token_probs"
# zh: 先做 top-k 再 softmax；top-p 的累计要在留下的 k 个里算
# en: top-k comes before the softmax; top-p adds up within the k that stay
def next_token_probs(logits, temperature=1.0, top_k=0, top_p=1.0):
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    if temperature == 0:
        return [float(i == order[0]) for i in range(len(logits))]
    weights = {i: math.exp((logits[i] - logits[order[0]]) / temperature) for i in order}
    total, reached, chosen = sum(weights.values()), 0.0, {}
    for i in order[:top_k] if top_k else order:
        chosen[i] = weights[i] / total
        reached += chosen[i]
        if reached >= top_p:
            break
    return [chosen.get(i, 0.0) / reached for i in range(len(logits))]

# %%
# zh: 真的 logits：故事写到一半，下一个词元会是什么？四种设置并排，再拖一拖
# en: real logits: in the middle of a story, what comes next? four settings side by side; then drag
from course_lib.talk.next_token import moment, next_token_slider

# zh: （camp-mini 只会用中文写故事）
# en: (camp-mini writes stories in Chinese only: "write a little story", "Once upon a time,")
here = moment(bot, "讲一个小故事。", "从前，")
with needs("next_token_probs"):
    next_token_slider(here, next_token_probs)

for temperature in (0.0, 0.8, 2.0):
    for seed in (1, 2):
        reply = bot.chat("讲一个小故事。", Sampling(temperature, max_new_tokens=32, seed=seed))
        print(f"T={temperature}  seed={seed}  {reply.text!r}")

# %% [markdown] lang="zh"
"""
拖温度到 0、1、3，看删除线（抽不到了）怎么变；再只用 top-p，看它在尖的分布里留几个、在平的分布里留几个：**top-k 数个数，top-p 数把握**。

图下面是同一个开头，三种温度各写两次：哪一个两次都一样？为什么？

### ✏️

小模型（和低温度）爱绕圈。**重复惩罚**（arXiv 1909.05858）压低已经出现过的词元：它的 logit 是正的就**除以**惩罚，否则**乘以**惩罚，这样两种都变得更低；出现几次都只罚一次。

写 `repetition_penalty(logits, seen, penalty)`，返回新的列表。常见的错法：一律相除。−1 除以 1.25 是多少？更大了。

<details><summary>提示</summary>

`for i in set(seen)`，在 `logits` 的副本上改。

</details>
"""

# %% [markdown] lang="en"
"""
Drag the temperature to 0, 1, 3 and watch what is struck out (it can no longer be drawn); then use top-p alone: how many does it keep in a sharp distribution, how many in a flat one? **top-k counts heads, top-p counts confidence.**

Below the picture, the same beginning at three temperatures, twice each: which one never changes, and why?

### ✏️

Small models (and low temperatures) like to go in circles. The **repetition penalty** (arXiv 1909.05858) pushes down tokens that were seen before: a positive logit is **divided** by the penalty, any other is **multiplied**, so that both get lower; however often it was seen, once.

Write `repetition_penalty(logits, seen, penalty)` and return a new list. The common mistake: always divide. What is −1 divided by 1.25? Larger.

<details><summary>Hint</summary>

`for i in set(seen)`, on a copy of `logits`.

</details>
"""

# %% exercise="repetition_penalty" level=2 minutes=8 points=9
def repetition_penalty(logits, seen, penalty: float) -> list:
    """
    zh: 压低出现过的词元（编号在 seen 里）的 logits。
    en: Return the logits with those of the ids in seen pushed down.
    """
    ### BEGIN SOLUTION
    found = list(logits)
    for i in set(seen):
        found[i] = found[i] / penalty if found[i] > 0 else found[i] * penalty
    return found
    ### END SOLUTION

# %% check="repetition_penalty"
check("repetition_penalty", [
    case([2.0, -1.0, 0.5], [0, 1, 1], 1.25, gives=[1.6, -1.25, 0.5]),
    case([1.0, 2.0], [], 1.5, gives=[1.0, 2.0], zh="什么都没出现过", en="nothing seen"),
    case([0.0, 3.0], [0, 1], 3.0, gives=[0.0, 1.0]),
])

# %% cases="repetition_penalty"
def cases(rng):
    yield case([4.0, -2.0, 1.0], [0, 0, 0, 1, 1], 2.0, zh="seen 里有重复", en="repeats in seen")
    yield case([4.0, -2.0], [0, 1], 1.0, zh="惩罚为 1", en="penalty 1")
    yield case([-3.0, -0.5], [1], 1.5, zh="全是负的", en="all negative")
    for _ in range(8):
        logits = [round(rng.uniform(-5, 5), 2) for _ in range(rng.randint(3, 8))]
        seen = rng.choices(range(len(logits)), k=rng.randint(1, 6))
        yield case(logits, seen, rng.choice([1.1, 1.5, 2.0]), zh="随机的 logits", en="random logits")

# %% wrong="repetition_penalty"
# zh: 负的 logit 要乘：除了反而变大，更容易被抽到
# en: multiply a negative logit: divided it gets larger, and likelier
def repetition_penalty(logits, seen, penalty):
    return [x / penalty if i in seen else x for i, x in enumerate(logits)]

# %% wrong="repetition_penalty"
# zh: 出现几次都只罚一次
# en: a token is penalised once, however often it was seen
def repetition_penalty(logits, seen, penalty):
    found = list(logits)
    for i in seen:
        found[i] = found[i] / penalty if found[i] > 0 else found[i] * penalty
    return found

# %% wrong="repetition_penalty"
# zh: 只罚出现过的，没出现过的不动
# en: only tokens that were seen are penalised; the others stay
def repetition_penalty(logits, seen, penalty):
    return [x / penalty if x > 0 else x * penalty for x in logits]

# %% wrong="repetition_penalty"
# zh: 乘除反了：正的除，负的乘
# en: the wrong way round: divide positive ones, multiply negative ones
def repetition_penalty(logits, seen, penalty):
    return [(x * penalty if x > 0 else x / penalty) if i in seen else x for i, x in enumerate(logits)]

# %%
# zh: 现在四个旋钮都是你写的。故事说到这里，哪些词元已经出现过？
# en: now all four knobs are yours; which tokens of the story so far have been seen?
here = moment(bot, "讲一个小故事。", "从前，森林里住着一只小兔子。小兔子")
with needs("next_token_probs", "repetition_penalty"):
    next_token_slider(here, next_token_probs, repetition_penalty)

told = str(Text("我叫王小明。", "My name is Alice."))
asked = str(Text("我叫什么名字？", "What is my name?"))
print("without:", bot.chat(asked).text)
history = [{"role": "user", "content": told}]
history.append({"role": "assistant", "content": bot.chat(history).text})
history.append({"role": "user", "content": asked})
print("with:   ", bot.chat(history).text)

# %% [markdown] lang="zh"
"""
## 记住，和忘掉

模型本身没有记忆。营里的 CLI 示例里，`messages` 从不更新，于是每一轮都是第一轮。上面最后两行，先不带历史，再带上历史。

“记住”就是把前面的话**每一轮重新发一遍**。所以提示词越来越长，迟早超过上下文，或者先超过显存。得丢掉一些：丢哪些？随手丢掉最早的一条，可能把系统提示词丢了，也可能留下一句没有问题的回答。

### ✏️

写 `trim_history(messages, budget, count)`：内容的总长（`count(content)` 之和）超过 `budget` 时，反复丢掉最早的一段，直到不超过：

- system 一直留着；
- 一段 = 最早的那条非 system 消息，到**下一条 user 之前**为止（回答和工具结果跟着它的问题一起走）；
- 最后一条 user 和它后面的永远不丢，超了也不丢；正好等于 `budget` 算放得下。

<details><summary>提示</summary>

`while` 循环：每次找出所有 user 的位置；如果最早的非 system 消息已经是最后一条 user，就停。

</details>
"""

# %% [markdown] lang="en"
"""
## Remember, and forget

The model itself has no memory. In the camp's CLI demo `messages` is never updated, so each turn is the first. The last two lines above: first without history, then with it.

To "remember" is to **send everything again, each turn**. So the prompt grows until it exceeds the context, or the memory before that. Something must go, but what? Dropping the oldest message may drop the system prompt, or leave an answer without its question.

### ✏️

Write `trim_history(messages, budget, count)`: while the contents (the sum of `count(content)`) exceed `budget`, drop the oldest piece:

- system turns always stay;
- a piece is the oldest non-system message up to, but not including, **the next user turn** (answers and tool results go with their question);
- the last user turn and what follows are never dropped, not even when over the budget; exactly `budget` fits.

<details><summary>Hint</summary>

A `while` loop: find the places of all user turns each time; stop when the oldest non-system message is the last user turn.

</details>
"""

# %% exercise="trim_history" level=2 minutes=12 points=10
def trim_history(messages: list[dict], budget: int, count=len) -> list[dict]:
    """
    zh: 丢掉最早的几段，让内容总长不超过 budget。
    en: Return the messages without the oldest pieces, so that their contents fit the budget.
    """
    ### BEGIN SOLUTION
    kept = list(messages)
    while sum(count(one["content"]) for one in kept) > budget:
        users = [n for n, one in enumerate(kept) if one["role"] == "user"]
        oldest = next((n for n, one in enumerate(kept) if one["role"] != "system"), None)
        if not users or oldest is None or oldest >= users[-1]:
            break
        end = next(n for n in users if n > oldest)
        kept = [one for n, one in enumerate(kept) if one["role"] == "system" or n >= end]
    return kept
    ### END SOLUTION

# %% check="trim_history"
check("trim_history", [
    case([{"role": "system", "content": "S"}, {"role": "user", "content": "aaaa"},
          {"role": "assistant", "content": "bbbb"}, {"role": "user", "content": "cc"}], 6,
         gives=[{"role": "system", "content": "S"}, {"role": "user", "content": "cc"}],
         zh="有 system", en="with a system turn"),
    case([{"role": "user", "content": "aaaa"}], 2, gives=[{"role": "user", "content": "aaaa"}],
         zh="只有一条 user，超了", en="one user turn, over the budget"),
    case([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
          {"role": "user", "content": "c"}], 100,
         gives=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                {"role": "user", "content": "c"}], zh="放得下", en="it fits"),
    case([{"role": "user", "content": "aa"}, {"role": "assistant", "content": "bb"},
          {"role": "user", "content": "cc"}], 6,
         gives=[{"role": "user", "content": "aa"}, {"role": "assistant", "content": "bb"},
                {"role": "user", "content": "cc"}], zh="正好放得下", en="an exact fit"),
])

# %% cases="trim_history"
def cases(rng):
    def turn(role, size):
        return {"role": role, "content": "x" * size}

    yield case([turn("assistant", 5), turn("user", 2), turn("assistant", 2), turn("user", 1)], 6,
               zh="以 assistant 开头", en="it begins with an assistant")
    yield case([turn("user", 3), turn("assistant", 1), turn("environment", 4), turn("assistant", 2),
                turn("user", 2)], 5, zh="有工具的结果", en="with a tool's result")
    yield case([turn("user", 2), turn("assistant", 2), turn("user", 3)], 3, zh="正好放得下", en="an exact fit")
    yield case([turn("system", 4), turn("user", 9), turn("assistant", 9), turn("user", 3)], 2,
               zh="怎么丢都超", en="over the budget whatever goes")
    yield case([turn("system", 1), turn("system", 1), turn("user", 4), turn("assistant", 4),
                turn("user", 1)], 4, zh="两条 system", en="two system turns")
    yield case([turn("user", 4), turn("assistant", 4), turn("user", 2), turn("assistant", 5)], 7,
               zh="最后是 assistant", en="an assistant last")
    for _ in range(8):
        turns = [turn("system", rng.randint(1, 3))] if rng.random() < 0.5 else []
        for _ in range(rng.randint(2, 5)):
            turns += [turn("user", rng.randint(1, 6)), turn("assistant", rng.randint(1, 6))]
        yield case([*turns, turn("user", rng.randint(1, 4))], rng.randint(4, 20), zh="随机的历史",
                   en="a random history")

# %% wrong="trim_history"
# zh: system 丢了；它要一直留着
# en: the system turn is gone; it always stays
def trim_history(messages, budget, count=len):
    kept = list(messages)
    while sum(count(m["content"]) for m in kept) > budget:
        users = [n for n, m in enumerate(kept) if m["role"] == "user"]
        if not users or users[-1] == 0:
            break
        kept = kept[next(n for n in users if n > 0):]
    return kept

# %% wrong="trim_history"
# zh: 一次丢一条，会留下没有问题的回答；要丢到下一条 user 之前
# en: message by message leaves answers without their question; drop up to the next user turn
def trim_history(messages, budget, count=len):
    kept = list(messages)
    while sum(count(m["content"]) for m in kept) > budget:
        old = [n for n, m in enumerate(kept) if m["role"] != "system"]
        last = max((n for n, m in enumerate(kept) if m["role"] == "user"), default=0)
        if not old or old[0] >= last:
            break
        kept.pop(old[0])
    return kept

# %% wrong="trim_history"
# zh: 最后一条 user 永远不丢
# en: the last user turn is never dropped
def trim_history(messages, budget, count=len):
    kept = list(messages)
    while kept and sum(count(m["content"]) for m in kept) > budget:
        old = [n for n, m in enumerate(kept) if m["role"] != "system"]
        if not old:
            break
        end = next((n for n in old[1:] if kept[n]["role"] == "user"), len(kept))
        kept = [m for n, m in enumerate(kept) if m["role"] == "system" or n >= end]
    return kept

# %% wrong="trim_history"
# zh: 正好等于 budget 算放得下
# en: exactly the budget fits
def trim_history(messages, budget, count=len):
    kept = list(messages)
    while sum(count(m["content"]) for m in kept) >= budget:
        users = [n for n, m in enumerate(kept) if m["role"] == "user"]
        oldest = next((n for n, m in enumerate(kept) if m["role"] != "system"), None)
        if not users or oldest is None or oldest >= users[-1]:
            break
        end = next(n for n in users if n > oldest)
        kept = [m for n, m in enumerate(kept) if m["role"] == "system" or n >= end]
    return kept

# %% wrong="trim_history"
# zh: 够了就停，不要把旧的全丢光
# en: stop as soon as it fits; don't drop all that is old
def trim_history(messages, budget, count=len):
    if sum(count(m["content"]) for m in messages) <= budget:
        return list(messages)
    last = max((n for n, m in enumerate(messages) if m["role"] == "user"), default=0)
    return [m for n, m in enumerate(messages) if m["role"] == "system" or n >= last]

# %%
# zh: 一场 20 轮的对话，每轮发出去多少词元？
# en: a dialogue of 20 turns: how many tokens are sent in each?
from course_lib.plots import curves

talk, whole, trimmed = [{"role": "system", "content": told}], [], []
with needs("trim_history"):
    for number in range(20):
        talk.append({"role": "user", "content": asked * (1 + number % 4)})
        sent = trim_history(talk, 120, bot.count)
        whole.append(sum(bot.count(one["content"]) for one in talk))
        trimmed.append(sum(bot.count(one["content"]) for one in sent))
        talk.append({"role": "assistant", "content": told})
    display(curves({"everything": whole, "yours, budget 120": trimmed}, "turn", "tokens sent"))

# %% given="config_table"
# zh: InternLM2.5 各尺寸的层形状，同第 1 课
# en: layer shapes of InternLM2.5, as in lesson 01
C = {
    "1.8b": dict(vocab=92544, hidden=2048, layers=24, heads=16, kv_heads=8, inter=8192),
    "7b": dict(vocab=92544, hidden=4096, layers=32, heads=32, kv_heads=8, inter=14336),
    "20b": dict(vocab=92544, hidden=6144, layers=48, heads=48, kv_heads=8, inter=16384),
}

# %% [markdown] lang="zh"
"""
## 8 GB 够不够？

三笔账：**权重**（参数 × 位数 ÷ 8）、**KV 缓存**（每个词元在每层留一份 K 和一份 V）、**其余**（CUDA 上下文、激活等，这里按 1 GB 估）。1.8B 的每个词元是 2 × 24 层 × 8 个 KV 头 × 128 维 × 2 字节 = 96 KiB。

写 `fits(...)`：返回 `(总 GB, 放不放得下)`；GB = 10⁹ 字节，总数四舍五入到 3 位小数，**比较时用没有舍入的数**，正好相等算放得下。`cfg` 是第 1 课那张表里的一行。

<details><summary>提示</summary>

头维度 `d = hidden // heads`；KV 只数 `kv_heads`；KV 的位数是 `kv_bits`，和权重的 `bits` 无关。

</details>
"""

# %% [markdown] lang="en"
"""
## Do 8 GB suffice?

Three items: **weights** (parameters × bits ÷ 8), **KV cache** (each token leaves one K and one V in every layer), and **the rest** (CUDA context, activations; 1 GB here). A token of 1.8B takes 2 × 24 layers × 8 KV heads × 128 dimensions × 2 bytes = 96 KiB.

Write `fits(...)`: return `(total in GB, whether it fits)`; GB = 10⁹ bytes, the total rounded to 3 decimals, but **compare the unrounded sum**; equal fits. `cfg` is a row of lesson 01's table.

<details><summary>Hint</summary>

Head dimension `d = hidden // heads`; only `kv_heads` keep K and V; the cache has `kv_bits`, whatever the `bits` of the weights.

</details>
"""

# %% exercise="fits" level=2 minutes=8 points=8
def fits(
    vram_gb: float, n_params: int, bits: int, kv_tokens: int, cfg: dict,
    kv_bits: int = 16, overhead_gb: float = 1.0,
) -> tuple:
    """
    zh: （权重 + KV + 其余，单位 GB；放不放得下）。
    en: Return (weights + KV cache + the rest in GB, whether that fits).
    """
    ### BEGIN SOLUTION
    d = cfg["hidden"] // cfg["heads"]
    weights = n_params * bits / 8
    cache = 2 * cfg["layers"] * cfg["kv_heads"] * d * kv_bits / 8 * kv_tokens
    total = (weights + cache) / 1e9 + overhead_gb
    return round(total, 3), total <= vram_gb
    ### END SOLUTION

# %% check="fits"
from course_lib.checks import given

given("C")
check("fits", [
    case(8, 1889110016, 16, 2048, C["1.8b"], gives=(4.98, True), zh="1.8B，16 位", en="1.8B, 16 bit"),
    case(8, 7737708544, 16, 2048, C["7b"], gives=(16.744, False), zh="7B，16 位", en="7B, 16 bit"),
    case(8, 7737708544, 4, 2048, C["7b"], gives=(5.137, True), zh="7B，4 位", en="7B, 4 bit"),
    case(8, 1889110016, 16, 32768, C["1.8b"], gives=(7.999, True), zh="1.8B，32K 词元",
         en="1.8B, 32K tokens"),
])

# %% cases="fits"
def cases(rng):
    yield case(24, 19861149696, 4, 8192, C["20b"], zh="20B，4 位", en="20B, 4 bit")
    yield case(80, 19861149696, 16, 131072, C["20b"], kv_bits=4, zh="20B，KV 4 位", en="20B, KV at 4 bit")
    yield case(8, 1889110016, 16, 65536, C["1.8b"], kv_bits=8, zh="KV 8 位", en="KV at 8 bit")
    yield case(5, 4 * 10**9, 8, 0, C["7b"], zh="正好相等", en="exactly equal")
    yield case(4.5, 4 * 10**9, 8, 0, C["7b"], overhead_gb=0.5, zh="正好相等，另一种其余",
               en="exactly equal, another overhead")
    yield case(5.0, 4 * 10**9 + 200_000, 8, 0, C["7b"], zh="只超一点点", en="over by a hair")
    for _ in range(8):
        name = rng.choice(list(C))
        yield case(rng.choice([8, 24, 40, 80]), rng.randrange(10**9, 3 * 10**10), rng.choice([4, 8, 16]),
                   rng.randrange(1000, 200_000), C[name], kv_bits=rng.choice([4, 8, 16]),
                   zh="随机的一组", en="a random case")

# %% wrong="fits"
# zh: K、V 只有 kv_heads 个头，不是 heads 个（GQA）
# en: only kv_heads heads keep K and V, not heads (GQA)
def fits(vram_gb, n_params, bits, kv_tokens, cfg, kv_bits=16, overhead_gb=1.0):
    cache = 2 * cfg["layers"] * cfg["hidden"] * kv_bits / 8 * kv_tokens
    total = (n_params * bits / 8 + cache) / 1e9 + overhead_gb
    return round(total, 3), total <= vram_gb

# %% wrong="fits"
# zh: K 和 V 各一份，少了因子 2
# en: K and V are two, the factor 2 is missing
def fits(vram_gb, n_params, bits, kv_tokens, cfg, kv_bits=16, overhead_gb=1.0):
    d = cfg["hidden"] // cfg["heads"]
    cache = cfg["layers"] * cfg["kv_heads"] * d * kv_bits / 8 * kv_tokens
    total = (n_params * bits / 8 + cache) / 1e9 + overhead_gb
    return round(total, 3), total <= vram_gb

# %% wrong="fits"
# zh: 这里 GB 是 10 的 9 次方，不是 2 的 30 次方
# en: a GB here is 10 to the 9th, not 2 to the 30th
def fits(vram_gb, n_params, bits, kv_tokens, cfg, kv_bits=16, overhead_gb=1.0):
    d = cfg["hidden"] // cfg["heads"]
    cache = 2 * cfg["layers"] * cfg["kv_heads"] * d * kv_bits / 8 * kv_tokens
    total = (n_params * bits / 8 + cache) / 2**30 + overhead_gb
    return round(total, 3), total <= vram_gb

# %% wrong="fits"
# zh: 其余的 overhead_gb 没有算进去
# en: overhead_gb is left out
def fits(vram_gb, n_params, bits, kv_tokens, cfg, kv_bits=16, overhead_gb=1.0):
    d = cfg["hidden"] // cfg["heads"]
    cache = 2 * cfg["layers"] * cfg["kv_heads"] * d * kv_bits / 8 * kv_tokens
    total = (n_params * bits / 8 + cache) / 1e9
    return round(total, 3), total <= vram_gb

# %% wrong="fits"
# zh: KV 缓存的位数是 kv_bits，和权重的 bits 无关
# en: the cache has kv_bits, whatever the bits of the weights
def fits(vram_gb, n_params, bits, kv_tokens, cfg, kv_bits=16, overhead_gb=1.0):
    d = cfg["hidden"] // cfg["heads"]
    cache = 2 * cfg["layers"] * cfg["kv_heads"] * d * bits / 8 * kv_tokens
    total = (n_params * bits / 8 + cache) / 1e9 + overhead_gb
    return round(total, 3), total <= vram_gb

# %% wrong="fits"
# zh: 正好相等也算放得下
# en: exactly equal fits
def fits(vram_gb, n_params, bits, kv_tokens, cfg, kv_bits=16, overhead_gb=1.0):
    d = cfg["hidden"] // cfg["heads"]
    cache = 2 * cfg["layers"] * cfg["kv_heads"] * d * kv_bits / 8 * kv_tokens
    total = (n_params * bits / 8 + cache) / 1e9 + overhead_gb
    return round(total, 3), total < vram_gb

# %% wrong="fits"
# zh: 先比较，再舍入：舍入后的数可能正好够，其实超了
# en: compare first, round after: the rounded number may just fit while the true one does not
def fits(vram_gb, n_params, bits, kv_tokens, cfg, kv_bits=16, overhead_gb=1.0):
    d = cfg["hidden"] // cfg["heads"]
    cache = 2 * cfg["layers"] * cfg["kv_heads"] * d * kv_bits / 8 * kv_tokens
    total = round((n_params * bits / 8 + cache) / 1e9 + overhead_gb, 3)
    return total, total <= vram_gb

# %%
# zh: 拖一拖：8 GB 里 1.8B 最多放多长的上下文？忘写 dtype（32 位）呢？
# en: drag: how long a context does 1.8B have in 8 GB? and with dtype forgotten (32 bits)?
from course_lib.talk.fit_slider import fit_slider

with needs("fits"):
    fit_slider(fits, C)

# %% [markdown] lang="zh"
"""
看答案：16 位的 1.8B 加 32K 词元的 KV 是 7.999 GB，刚好塞进 8 GB（营里网页的 `max_length` 正是 32768）；7B 的 16 位权重单独就要 15.5 GB。用 LMDeploy 时，装完权重剩下的显存会先被占掉八成，那是它预留的 KV，不是泄漏。

## 终端里的 demo

把上面的部件装起来，就是 `python -m course_lib.chat`（在终端里运行它，一行就是一轮）。它会流式输出、记住前文，也不删空格。下一格先替你敲三行。

## 网页 demo

营里用 Streamlit：`streamlit run streamlit_demo.py --server.address 127.0.0.1 --server.port 6006`。它的脾气是：**每点一下，整个脚本从头再跑一遍**。最自然的写法于是错了两次：在脚本里直接加载模型，每次点击都重新加载；把历史放进普通变量，每次点击都清空。对策：模型放进 `st.cache_resource`，历史放进 `st.session_state`。本课的网页见 `course_lib/apps/chat_page.py`。

下一格接着打开网页，去它给的地址；回答到一半时拖一下滑块，看看说到一半的话还在不在。用完运行 `page.stop()`；关掉笔记本的内核，它也会跟着结束。在 InternStudio 上，先在**自己的电脑**上运行它打印的 `ssh` 那一行（`-p` 后面换成你的端口号），浏览器里写 127.0.0.1，不要写 0.0.0.0。
"""

# %% [markdown] lang="en"
"""
The answer: 1.8B at 16 bits with 32K tokens of KV cache takes 7.999 GB, just within 8 GB (the `max_length` of the camp's page is 32768); 7B at 16 bits needs 15.5 GB for its weights alone. LMDeploy takes at once four fifths of what is free once the weights are loaded: that is reserved KV cache, not a leak.

## The demo in a terminal

Put these parts together and you have `python -m course_lib.chat` (run it in a terminal; a line is a turn). It streams, remembers, and leaves spaces alone. The next cell first types three lines for you.

## The demo as a web page

The camp uses Streamlit: `streamlit run streamlit_demo.py --server.address 127.0.0.1 --server.port 6006`. Its temper: **at each click the whole script runs again**. So the natural way is wrong twice: a model loaded in the script is loaded at each click; a history in an ordinary variable is empty after each. The cure: the model in `st.cache_resource`, the history in `st.session_state`. This course's page is `course_lib/apps/chat_page.py`.

The next cell then opens the page: go to the address that it gives; move a slider in the middle of a reply and see whether what was said is still there. When done, run `page.stop()`; it also ends with the notebook's kernel. On InternStudio first run the printed `ssh` line on **your own computer** (with your port after `-p`), and open 127.0.0.1, never 0.0.0.0.
"""

# %% tool="demos" minutes=4
import sys
from subprocess import PIPE, STDOUT, run

lines = "\n".join([told, asked, "exit"]) + "\n"
command = [sys.executable, "-m", "course_lib.chat", "--temperature", "0"]
print(run(command, input=lines, stdout=PIPE, stderr=STDOUT, text=True).stdout)

from course_lib.apps.start import open_chat_page

page = open_chat_page()

# %% [markdown] lang="zh"
"""
> **2024 年以后**（据各仓库，2026-11）
> - `lmdeploy serve gradio` 在 0.10.0 删掉了（#3829），`serve api_client` 同时删掉（#3830）：这一关的两个进阶任务（XComposer2-VL、InternVL2）不能再照原文做，改用 `serve api_server` 加任意前端。
> - 新的 transformers 会弄坏 InternLM2.5 自带的代码（4.49.0 上 `generate` 报错，InternLM#832）：按营里的版本装，或换 transformers 直接支持的模型。
> - `torch_dtype` 这个参数如今叫 `dtype`，不写时按权重文件里的精度加载。
> - Streamlit 报 `inotify watch limit reached`：设 `server.fileWatcherType none`（本课的网页已经设了）。

## 关卡任务：一篇 300 字的故事

让模型写一篇 300 字左右（240 到 360）的故事。每个汉字、每个全角标点、每个英文单词算一个。下面这格把提示词、设置、模型、时间和回答都写进 `evidence/02_demo/story.json`，每跑一次追加一次，旧的不会丢；交作业时把它放在笔记本旁边一起交。

得分：长度合格且不是复读 12 分，自己停下来 4 分，同一句提示词至少试过两组采样设置 4 分。换成**你自己的**提示词，多试几个种子；一次不行很正常。
"""

# %% [markdown] lang="en"
"""
> **Since 2024** (from the repositories, 2026-11)
> - `lmdeploy serve gradio` is gone since 0.10.0 (#3829), `serve api_client` left with it (#3830): this level's two optional tasks (XComposer2-VL, InternVL2) cannot be done word for word; take `serve api_server` with any front end.
> - New versions of transformers break InternLM2.5's own code (on 4.49.0 `generate` fails, InternLM#832): install the camp's version, or take a model that transformers supports itself.
> - The argument `torch_dtype` is called `dtype` now; left out, the precision of the weight files is taken.
> - Streamlit says `inotify watch limit reached`: set `server.fileWatcherType none` (this course's page does).

## The level's task: a story of 300 characters

Have the model write a story of about 300 characters (240 to 360). Each Chinese character, each full-width mark and each English word counts as one. The cell below writes prompt, settings, model, times and reply into `evidence/02_demo/story.json`; each run is added, nothing is lost. Hand it in beside the notebook.

Points: 12 for a story of that length that is no broken record, 4 if it stopped by itself, 4 for one prompt tried with at least two sampling settings. Use **your own** prompt and several seeds; the first try often fails.
"""

# %%
from course_lib.talk.story import FILE, check_story
from course_lib.transcript import Recorder

recorder = Recorder(bot, FILE)
# zh: 换成你自己的提示词（camp-mini 认得主角、地点和字数）
# en: use your own prompt (camp-mini: in Chinese; it knows hero, place and length)
# en: this one says: write a little story of 300 characters, hero: a rabbit, place: a forest
prompt = "请写一个300字的小故事，主角是小兔子，地点是森林。"
for settings in (Sampling(max_new_tokens=500), Sampling(0.8, top_p=0.8, max_new_tokens=500, seed=1)):
    exchange = recorder.ask(prompt, settings)
    print(f"--- T={settings.temperature}: {exchange.new_tokens} tokens, {exchange.finish}\n")
check_story()

# %% evidence="story" points=20
from course_lib.talk.story import grade_story

grade_story(points=20)

# %% [markdown] lang="zh"
"""
再写几句话，由助教来读。网页或终端的截图可以直接粘进来。
"""

# %% [markdown] lang="en"
"""
Then a few lines for a TA to read. You may paste a screenshot of the page or the terminal.
"""

# %% rubric="demo"
rubric(
    criterion(zh="自己的提示词，和它得到的故事", en="a prompt of your own, and the story it got", points=4),
    criterion(
        zh="两组采样设置有什么不同，为什么", en="how two sampling settings differed, and why", points=3),
    criterion(
        zh="这次用的模型占多少内存，算式是什么", en="the memory of the model you used, with the sum", points=3),
)

# %% [markdown] note="demo" points=10
"""
## 我的记录 / My record

提示词 / Prompt:

两组设置的比较 / Two settings compared:

内存 / Memory:
"""

# %% [markdown] lang="zh"
"""
## 回顾

现在你能：

- 手工拼出 InternLM2 的提示词，知道标记是特殊词元，`<s>` 不归模板管；
- 把累计的流变成增量，在任何一种结束词元处停下；
- 写出温度、top-k、top-p 和重复惩罚，并在真的 logits 上看见它们；
- 说清“记忆”就是重发，按整段裁剪历史；
- 算出权重加 KV 加其余，判断 8 GB 放不放得下；
- 让模型住进缓存、历史住进会话，网页才经得起重跑。

最后三道小题，不计分。下一步：XTuner 那一课会改掉模型对“你是谁”的回答。
"""

# %% [markdown] lang="en"
"""
## Recap

Now you can:

- build InternLM2's prompt by hand, knowing that markers are special tokens and `<s>` is not the template's;
- turn a cumulative stream into deltas, and stop at any end token;
- write temperature, top-k, top-p and the repetition penalty, and see them at work on real logits;
- say that "memory" is sending again, and trim a history piece by piece;
- add weights, KV cache and the rest, and tell whether 8 GB suffice;
- keep the model in a cache and the history in the session, so that a page survives its reruns.

Three last questions, not graded. Next: the XTuner lesson changes what a model answers to "who are you".
"""

# %% quiz="runs_on"
quiz(
    zh="模型答完以后，接着替用户提了一个新问题。最可能的原因？",
    en="Having answered, a model goes on and asks a new question in the user's name. Why, most likely?",
    choices=[
        choice(
            zh="温度太高", en="the temperature is too high",
            why_zh="温度会让话变乱，但 <|im_end|> 通常照样会被抽到。",
            why_en="Temperature makes words wilder, but <|im_end|> is still drawn as a rule.",
        ),
        choice(
            zh="历史太长了", en="the history is too long",
            why_zh="太长会报错或被截掉，不会让它扮演用户。",
            why_en="That gives an error or a cut, not a model that plays the user.",
        ),
        choice(
            zh="程序不认识 <|im_end|>", en="the program does not know <|im_end|>", right=True,
            why_zh="模型说完了，程序没停，它只好往下编：下一轮自然是用户。",
            why_en="The model had finished and the program did not stop; what follows is a user turn.",
        ),
    ],
)

# %% quiz="top_p_small"
quiz(
    zh="top_p=0.8，最可能的词元概率是 0.9。还剩几个词元可抽？",
    en="top_p=0.8, and the likeliest token has probability 0.9. How many tokens can be drawn?",
    choices=[
        choice(
            zh="0 个", en="none",
            why_zh="达到 p 的那个词元自己要留下，所以至少有一个。",
            why_en="The token that reaches p stays itself, so there is at least one.",
        ),
        choice(
            zh="1 个", en="one", right=True,
            why_zh="第一个加进去就达到了 0.8；归一化后它的概率是 1。",
            why_en="The first one reaches 0.8; renormalised, its probability is 1.",
        ),
        choice(
            zh="词表的 80 %", en="80 % of the vocabulary",
            why_zh="p 数的是概率，不是个数。",
            why_en="p counts probability, not tokens.",
        ),
    ],
)

# %% quiz="rerun"
quiz(
    zh="Streamlit 页面每次点击都要等十几秒。先看哪里？",
    en="A Streamlit page takes many seconds at each click. Where do you look first?",
    choices=[
        choice(
            zh="模型是不是在脚本里直接加载的", en="whether the script loads the model itself",
            right=True,
            why_zh="每次点击整个脚本重跑；加载要放进 st.cache_resource。",
            why_en="Each click reruns the script; loading belongs into st.cache_resource.",
        ),
        choice(
            zh="端口转发太慢", en="the port forward is slow",
            why_zh="转发只多几毫秒到几十毫秒。",
            why_en="A forward adds milliseconds.",
        ),
        choice(
            zh="top-k 太大", en="top-k is too large",
            why_zh="top-k 只影响抽样，几乎不花时间。",
            why_en="top-k only concerns sampling and costs next to nothing.",
        ),
    ],
)
