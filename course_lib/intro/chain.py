"""The open chain as data: six stages, their tools, and what changed since the 2024 camp.

Only what a primary source says (repository, release notes, PyPI as of 2026-11-23) stands here.
"""

from __future__ import annotations

from dataclasses import dataclass

from IPython.display import Markdown

from course_lib.language import Text

STAGES = ("Data", "Pre-train", "Fine-tune", "Evaluate", "Deploy", "Apply")
"""The stages in order; the names are the labels of the picture."""


@dataclass(frozen=True)
class Tool:
    """One open project of the chain."""

    name: str
    stage: str
    does: Text
    now: Text


_NAMES = {
    "Data": Text("数据", "data"),
    "Pre-train": Text("预训练", "pre-train"),
    "Fine-tune": Text("微调", "fine-tune"),
    "Evaluate": Text("评测", "evaluate"),
    "Deploy": Text("部署", "deploy"),
    "Apply": Text("应用", "apply"),
    "Model": Text("模型", "model"),
    "Machine": Text("算力", "machine"),
}

TOOLS = (
    Tool(
        "WanJuan",
        "Data",
        Text("开放语料（OpenDataLab）", "open corpora (OpenDataLab)"),
        Text("规模以 OpenDataLab 页面为准，本课不抄", "look sizes up at OpenDataLab; none here"),
    ),
    Tool(
        "MinerU",
        "Data",
        Text("PDF → Markdown/JSON", "PDF → Markdown/JSON"),
        Text(
            "`magic-pdf` 0.6（AGPL）→ `mineru` 4.0；3.1.0 起改用基于 Apache-2.0 的自有许可证",
            "`magic-pdf` 0.6 (AGPL) → `mineru` 4.0; own Apache-based licence since 3.1.0",
        ),
    ),
    Tool(
        "LabelLLM",
        "Data",
        Text("对话、偏好标注平台", "platform to label dialogues and preferences"),
        Text("仍用 docker compose 启动，没有 pip 包", "still docker compose, no pip package"),
    ),
    Tool(
        "InternEvo",
        "Pre-train",
        Text("轻量预训练框架", "light pre-training framework"),
        Text("PyPI 停在 0.5.2", "PyPI shows 0.5.2"),
    ),
    Tool(
        "XTuner",
        "Fine-tune",
        Text("LoRA / QLoRA / 全参微调", "LoRA / QLoRA / full fine-tuning"),
        Text(
            "2025-09 重写为 V1，面向超大 MoE；V1 里没有 LoRA，旧代码留作 legacy",
            "rewritten as V1 (2025-09) for huge MoE; no LoRA there, the old code stays as legacy",
        ),
    ),
    Tool(
        "OpenCompass",
        "Evaluate",
        Text("评测平台：工具、榜单、数据集", "evaluation: tools, rankings, benchmarks"),
        Text(
            "0.2.4 → 0.5.x；0.4.0 起配置随包安装，命令是 `opencompass`",
            "0.2.4 → 0.5.x; since 0.4.0 configs ship in the package, command `opencompass`",
        ),
    ),
    Tool(
        "LMDeploy",
        "Deploy",
        Text(
            "量化、推理服务；TurboMind（C++/CUDA，快）与 PyTorch（纯 Python，易扩展）双引擎",
            "quantise and serve; engines TurboMind (C++/CUDA, fast) and PyTorch (easy to extend)",
        ),
        Text(
            "0.5.3 → 0.18.0；0.10.0 删掉 `serve gradio` 和 `api_client`",
            "0.5.3 → 0.18.0; `serve gradio` and `api_client` went in 0.10.0",
        ),
    ),
    Tool(
        "Lagent",
        "Apply",
        Text("轻量智能体框架", "light agent framework"),
        Text(
            "稳定版 0.2.4；0.5.0rc3 改成传消息的 `Agent`，旧类名没了",
            "stable 0.2.4; in 0.5.0rc3 each `Agent` passes messages, old class names are gone",
        ),
    ),
    Tool(
        "MindSearch",
        "Apply",
        Text("把难题拆成图的多智能体搜索", "multi-agent search that grows a graph"),
        Text("2024-11 起依赖 Lagent 0.5.0rc2", "needs Lagent 0.5.0rc2 since 2024-11"),
    ),
    Tool(
        "HuixiangDou",
        "Apply",
        Text("群聊知识库助手：预处理、拒答、回答", "group-chat RAG: pre-process, reject, respond"),
        Text(
            "后继 HuixiangDou2（GraphRAG）；PyPI 包还是 2024-04 的",
            "successor HuixiangDou2 (GraphRAG); the PyPI package is from 2024-04",
        ),
    ),
    Tool(
        "Streamlit",
        "Apply",
        Text("网页演示（营里用 6006 端口）", "web demo (port 6006 in the camp)"),
        Text("营里锁 1.37.0", "the camp pinned 1.37.0"),
    ),
    Tool(
        "InternLM2.5",
        "Model",
        Text("语言模型 1.8B / 7B / 20B", "language model 1.8B / 7B / 20B"),
        Text("InternLM3-8B（2025-01），之后是 Intern-S 系列", "InternLM3-8B, then Intern-S"),
    ),
    Tool(
        "InternVL2",
        "Model",
        Text("看图说话：ViT + MLP + 语言模型", "vision-language: ViT + MLP + LLM"),
        Text("2.5（2024-12）、3（2025-04）、3.5（2025-08）", "2.5 (2024-12), 3, 3.5 (2025-08)"),
    ),
    Tool(
        "XComposer2",
        "Model",
        Text("自由图文写作与图文理解", "free text-image composition, image understanding"),
        Text("LMDeploy 只服务它的图文对话部分", "LMDeploy serves only its image-chat part"),
    ),
    Tool(
        "InternStudio",
        "Machine",
        Text("A100 切片开发机", "development machines: slices of an A100"),
        Text("外部服务，本课不依赖它", "an external service; nothing here depends on it"),
    ),
)


def table() -> Markdown:
    """Return the tools as a table in the current language."""
    head = Text("环节 | 工具 | 做什么 | 2024 年以后", "stage | tool | what it does | since 2024")
    rows = [f"| {head} |", "|---|---|---|---|"]
    rows += [f"| {_NAMES[t.stage]} | **{t.name}** | {t.does} | {t.now} |" for t in TOOLS]
    return Markdown("\n".join(rows))


def tools_of(stage: str) -> list[str]:
    """Return the names of a stage's tools, in order."""
    return [tool.name for tool in TOOLS if tool.stage == stage]
