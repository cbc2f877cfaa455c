"""The little general knowledge that the model learns by heart, for plain text and quizzes.

Of the course's own facts only the handful in ``COURSE`` is here: fine-tuning has the rest to teach.
"""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.language import Language


@dataclass(frozen=True)
class Relation:
    """Things and their values, how to ask for a value, and how to say it."""

    subject: str
    pairs: tuple[tuple[str, str], ...]
    asks: tuple[str, ...]
    says: str


def _pairs(text: str, between: str = " ") -> tuple[tuple[str, str], ...]:
    items = (item.split(":") for item in text.split(between))
    return tuple((left, right) for left, right in items)


RELATIONS: dict[Language, tuple[Relation, ...]] = {
    "zh": (
        Relation(
            "地理",
            _pairs(
                "中国:北京 日本:东京 法国:巴黎 英国:伦敦 德国:柏林 俄罗斯:莫斯科 美国:华盛顿 意大利:罗马 西班牙:马德里 埃及:开罗 "
                "印度:新德里 泰国:曼谷 韩国:首尔 加拿大:渥太华 巴西:巴西利亚 希腊:雅典 葡萄牙:里斯本 荷兰:阿姆斯特丹 "
                "瑞典:斯德哥尔摩 挪威:奥斯陆 芬兰:赫尔辛基 波兰:华沙 越南:河内 古巴:哈瓦那 奥地利:维也纳 匈牙利:布达佩斯 "
                "爱尔兰:都柏林 秘鲁:利马 智利:圣地亚哥 肯尼亚:内罗毕 伊朗:德黑兰 伊拉克:巴格达 丹麦:哥本哈根 比利时:布鲁塞尔"
            ),
            ("{0}的首都是哪里？", "{0}的首都是哪个城市？", "下列哪个城市是{0}的首都？"),
            "{0}的首都是{1}。",
        ),
        Relation(
            "文学",
            _pairs(
                "红楼梦:曹雪芹 西游记:吴承恩 水浒传:施耐庵 三国演义:罗贯中 呐喊:鲁迅 骆驼祥子:老舍 边城:沈从文 围城:钱钟书 "
                "雷雨:曹禺 子夜:茅盾 史记:司马迁 静夜思:李白 春望:杜甫 游子吟:孟郊 咏鹅:骆宾王 琵琶行:白居易 悯农:李绅 "
                "登鹳雀楼:王之涣 岳阳楼记:范仲淹 醉翁亭记:欧阳修 桃花源记:陶渊明 出师表:诸葛亮 滕王阁序:王勃 背影:朱自清"
            ),
            ("《{0}》的作者是谁？", "谁写了《{0}》？", "《{0}》是谁的作品？"),
            "《{0}》的作者是{1}。",
        ),
        Relation(
            "语文",
            _pairs(
                "大:小 多:少 高:低 长:短 快:慢 冷:热 黑:白 早:晚 新:旧 轻:重 软:硬 深:浅 远:近 粗:细 胖:瘦 明:暗 "
                "前进:后退 成功:失败 开始:结束 简单:复杂 安全:危险 勇敢:胆小 勤劳:懒惰 诚实:虚伪 美丽:丑陋 光明:黑暗 "
                "上升:下降 增加:减少 朋友:敌人 高兴:难过 干净:肮脏 安静:吵闹 富裕:贫穷 谦虚:骄傲"
            ),
            ("“{0}”的反义词是什么？", "与“{0}”意思相反的词是哪个？", "下列哪个词是“{0}”的反义词？"),
            "“{0}”的反义词是“{1}”。",
        ),
        Relation(
            "科学",
            _pairs(
                "氢:H 氧:O 碳:C 氮:N 铁:Fe 铜:Cu 金:Au 银:Ag 钠:Na 钙:Ca 锌:Zn 铝:Al 氦:He 硫:S 氯:Cl 钾:K"
            ),
            ("{0}的元素符号是什么？", "下列哪个是{0}的元素符号？"),
            "{0}的元素符号是{1}。",
        ),
        Relation(
            "大模型课程",
            _pairs(
                "XTuner:微调大模型 OpenCompass:评测大模型 LMDeploy:部署大模型 Lagent:搭建智能体 Git:管理代码版本 Streamlit:制作演示网页"
            ),
            ("{0}的主要用途是什么？", "{0}用来做什么？", "下列哪一项是{0}的用途？"),
            "{0}的主要用途是{1}。",
        ),
    ),
    "en": (
        Relation(
            "geography",
            _pairs(
                "China:Beijing Japan:Tokyo France:Paris England:London Germany:Berlin Russia:Moscow Italy:Rome "
                "Spain:Madrid Egypt:Cairo India:Delhi Korea:Seoul Canada:Ottawa Greece:Athens Portugal:Lisbon "
                "Norway:Oslo Poland:Warsaw Austria:Vienna Ireland:Dublin Cuba:Havana Thailand:Bangkok Kenya:Nairobi "
                "Peru:Lima Hungary:Budapest Denmark:Copenhagen"
            ),
            ("What is the capital of {0}?", "Which city is the capital of {0}?"),
            "The capital of {0} is {1}.",
        ),
        Relation(
            "English",
            _pairs(
                "big:small hot:cold fast:slow high:low long:short old:new black:white early:late light:dark "
                "happy:sad rich:poor strong:weak clean:dirty open:closed hard:soft easy:difficult near:far "
                "full:empty wet:dry thick:thin safe:dangerous quiet:loud begin:end up:down"
            ),
            ("What is the opposite of {0}?", "Which word is the opposite of {0}?"),
            "The opposite of {0} is {1}.",
        ),
        Relation(
            "the course",
            _pairs(
                "XTuner:fine-tuning models|OpenCompass:evaluating models|LMDeploy:serving models|"
                "Lagent:building agents|Git:tracking versions of code|Streamlit:making web demos",
                "|",
            ),
            ("What is {0} used for?", "What is the main use of {0}?"),
            "{0} is used for {1}.",
        ),
    ),
}
"""Subject names appear in the heading of a C-Eval question."""
COURSE: dict[Language, Relation] = {"zh": RELATIONS["zh"][-1], "en": RELATIONS["en"][-1]}
