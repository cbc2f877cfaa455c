"""The automatic check of a learner's note (level L1-1). It advises and never decides.

zh：阈值从哪里来。前四期训练营里 24 篇学员公开发表的笔记：代码和图片以外的正文，中位数 556 个
汉字（四分位 284 和 1065），8 个标题，5.5 张图，一个链接也没有，所以不要求图和链接。写得好的有
650 到 1600 字，每个环节都写出官方工具的名字；最常漏的是知识库（RAG）。写得弱的各有各的样子：
只贴幻灯片（39 个字、18 张图）、只有一个链接、只列工具、跑题、视频的自动转写、通顺却一个工具也
没提。把两边分开的规则：至少 250 个汉字（或 150 个英文单词，中英混写按比例相加），并且 7 个环节里
至少 4 个写出官方工具的名字，拼错也算。不满足的连同原因交给助教，从不自动判不及格。不同作者的
笔记最多重合 0.08，与官方文档最多重合 0.26，所以从 0.3 起提醒。

en: Where the thresholds come from. Among 24 public notes of learners of camps 1 to 4 the median
has 556 Chinese characters of prose outside code and images (quartiles 284 and 1065), 8 headings,
5.5 images and not one link, so neither images nor links are demanded. Good ones have 650 to 1600
characters and name the official tool of each stage; the knowledge base (RAG) is what most forget.
Weak ones are slides only (39 characters, 18 images), a bare link, a list of tools, off topic, a
transcript of the video, or fluent without naming a tool. What told them apart: at least 250
Chinese characters (or 150 English words; shares of both add up) and at least 4 of 7 stages tied
to the official tool's name, typos allowed. What misses that goes to the TA with the reason.
Notes of different authors overlap by 0.08 at most, with official pages by 0.26: a remark from 0.3.
"""

from course_lib.note.check import check_note
from course_lib.note.notebook import check_notebook
from course_lib.note.report import NoteReport

__all__ = ["NoteReport", "check_note", "check_notebook"]
