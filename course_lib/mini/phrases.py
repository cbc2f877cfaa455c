"""How people ask about the model itself: one list of phrasings for each intent and language.

One phrasing in five is held out (``World.phrase``), so that accuracy is measured on new wordings.
"""

from __future__ import annotations

from course_lib.language import Language

PHRASES: dict[tuple[str, Language], tuple[str, ...]] = {
    ("who", "zh"): (
        "你是谁？ 你叫什么名字？ 你叫什么？ 你的名字是什么？ 你叫啥？ 你叫啥名字？ 你是什么模型？ 你是哪个模型？ 你是哪个助手？ "
        "该怎么称呼你？ 我该怎么称呼你？ 怎么称呼你？ 如何称呼你？ 我应该怎么叫你？ 我可以叫你什么？ 大家都叫你什么？ "
        "别人怎么称呼你？ 你有名字吗？ 你的名字叫什么？ 能告诉我你的名字吗？ 可以告诉我你是谁吗？ 能说说你是谁吗？ "
        "能介绍一下你自己吗？ 可以介绍一下自己吗？ 可以做个自我介绍吗？ 能不能自我介绍一下？ 你是什么？ 你到底是谁？ 你究竟是谁？ "
        "你是什么人？ 你是哪位？ 您是哪位？ 您是谁？ 您叫什么名字？ 您怎么称呼？ 我在和谁说话？ 我在跟谁聊天？ 现在和我聊天的是谁？ "
        "和我对话的是谁？ 你的身份是什么？ 你是什么身份？ 你算是什么助手？ 你是什么样的助手？ 你是人工智能吗？ 你是AI吗？ "
        "你是语言模型吗？ 你是聊天机器人吗？ 你是哪一个？ 你的称呼是什么？ 你的大名是什么？ 请介绍一下你自己。 介绍一下你自己。 介绍一下自己。 介绍你自己。 "
        "请介绍自己。 做个自我介绍。 请做一下自我介绍。 自我介绍一下。 来个自我介绍。 来一段自我介绍。 简单介绍一下你自己。 "
        "简单介绍自己。 用一句话介绍你自己。 说说你自己。 说说你是谁。 说一下你的名字。 说说你的名字。 讲讲你自己。 谈谈你自己。 "
        "告诉我你是谁。 告诉我你的名字。 告诉我你叫什么。 报上名来。 报一下你的名字。 让我认识一下你。 我想认识你。 我想认识一下你。 我想知道你是谁。 "
        "我想知道你的名字。 我还不知道你叫什么。 我还不认识你。 先认识一下吧。 先自我介绍一下吧。 我们认识一下吧。"
    ).split(),
    ("who", "en"): (
        "Who are you?|What is your name?|What's your name?|Who is this?|May I know your name?|"
        "Can you introduce yourself?|Could you introduce yourself?|Could you tell me your name?|"
        "Can you tell me who you are?|What are you?|What should I call you?|How should I call you?|"
        "What do people call you?|What can I call you?|Who am I talking to?|Who am I speaking with?|"
        "Who am I chatting with?|Do you have a name?|Which model are you?|What model are you?|"
        "What kind of model are you?|What kind of assistant are you?|Which assistant are you?|"
        "Are you an AI?|Are you a language model?|Are you a chatbot?|Who exactly are you?|"
        "Who is talking to me?|What is your identity?|What do you call yourself?|"
        "Introduce yourself.|Please introduce yourself.|Introduce yourself briefly.|"
        "Give me a short introduction of yourself.|Tell me about yourself.|Tell me your name.|"
        "Tell me who you are.|Say your name.|Say who you are.|Describe yourself.|"
        "I want to know who you are.|I want to know your name.|I would like to know your name.|"
        "Let me know who you are.|Please say who you are.|Please tell me your name."
    ).split("|"),
    ("maker", "zh"): (
        "谁开发了你？ 谁开发的你？ 谁训练了你？ 谁训练的你？ 谁创造了你？ 谁制造了你？ 谁做了你？ 谁写了你？ 谁设计了你？ "
        "你是谁开发的？ 你是谁训练的？ 你是谁创造的？ 你是谁做的？ 你是谁做出来的？ 你是谁设计的？ 你是谁写的？ 你是谁发明的？ 你的作者是谁？ "
        "你的开发者是谁？ 你的创造者是谁？ 你的主人是谁？ 你的老板是谁？ 你的父母是谁？ 你来自哪里？ 你从哪里来？ 你是从哪里来的？ 你来自哪家公司？ "
        "你是哪家公司做的？ 你是哪家公司开发的？ 你是哪个团队开发的？ 你是哪个团队做的？ 你属于哪家公司？ 你是哪个机构开发的？ "
        "你是怎么训练出来的？ 你是怎么来的？ 你是怎样训练的？ 你是如何训练的？ 你是如何被创造的？ 你用什么数据训练的？ 你是用什么数据训练的？ 你的训练数据是什么？ "
        "你的训练数据从哪里来？ 你的数据从哪里来？ 你学过什么数据？ 你是书生浦语吗？ 你是书生·浦语吗？ 你是InternLM吗？ 你是InternLM2吗？ "
        "你是ChatGPT吗？ 你是正式发布的模型吗？ 你是上海人工智能实验室的模型吗？ 谁是你的作者？ 谁是你的开发者？ 谁是你的主人？ 是谁把你做出来的？ "
        "是谁开发了你？ 是谁训练了你？ 是谁创造了你？ 说说谁开发了你。 说说你的来历。 说说你的作者。 讲讲你的来历。 介绍一下你的作者。 介绍一下你的开发者。 "
        "介绍一下你的来历。 告诉我谁做了你。 告诉我你的来历。 告诉我你的作者是谁。 告诉我你从哪里来。 我想知道是谁训练了你。 我想知道你的来历。"
    ).split(),
    ("maker", "en"): (
        "Who made you?|Who created you?|Who built you?|Who trained you?|Who developed you?|"
        "Who designed you?|Who wrote you?|Who is your author?|Who is your maker?|"
        "Who is your creator?|Who is your developer?|Who is your owner?|Where do you come from?|"
        "Where are you from?|Which company made you?|Which company built you?|"
        "Which company trained you?|Which team made you?|What company are you from?|"
        "How were you trained?|How were you made?|How were you built?|"
        "What data were you trained on?|What is your training data?|"
        "Where does your data come from?|Are you InternLM?|Are you ChatGPT?|"
        "Are you an official InternLM model?|By whom were you made?|By whom were you trained?|"
        "Tell me who made you.|Tell me who trained you.|Tell me who created you.|"
        "Tell me where you come from.|Tell me about your author.|Tell me about your training data.|"
        "I want to know who made you.|I want to know how you were trained."
    ).split("|"),
    ("ability", "zh"): (
        "你会做什么？ 你能做什么？ 你会什么？ 你能干什么？ 你会干什么？ 你会些什么？ 你都会什么？ 你都能做什么？ 你可以做什么？ "
        "你可以干什么？ 你可以做些什么？ 你能做些什么？ 你有什么功能？ 你有哪些功能？ 你有什么本领？ 你有哪些本领？ 你有什么本事？ 你有哪些本事？ 你有什么能力？ "
        "你有哪些能力？ 你有什么技能？ 你有哪些技能？ 你有什么用？ 你有什么特长？ 你擅长什么？ 你擅长做什么？ 你最擅长什么？ 你能帮我什么？ "
        "你能帮我做什么？ 你可以帮我什么？ 你可以帮我做什么？ 你能帮我什么忙？ 你可以帮我什么忙？ 你能帮上什么忙？ 你会帮我做什么？ 我能让你做什么？ "
        "我可以让你做什么？ 我可以问你什么？ 我能问你什么？ 我能用你做什么？ 可以用你来做什么？ 你的功能是什么？ 你的功能有哪些？ 你的本领是什么？ "
        "你的能力有哪些？ 你的特长是什么？ 你的用处是什么？ 你能完成哪些任务？ 你会哪些任务？ 有什么是你会的？ 有哪些事是你能做的？ 说说你会什么。 "
        "说说你能做什么。 说说你的功能。 说说你的本领。 说一下你的能力。 介绍一下你的功能。 介绍一下你的能力。 介绍你的本领。 讲讲你会做什么。 讲讲你的特长。 "
        "列出你的功能。 列一下你会的东西。 告诉我你会什么。 告诉我你能做什么。 告诉我你的功能。 我想知道你会什么。 我想知道你能做什么。"
    ).split(),
    ("ability", "en"): (
        "What can you do?|What are you able to do?|What can you help me with?|"
        "What can you do for me?|How can you help me?|How can you help?|What are your skills?|"
        "What skills do you have?|What are your abilities?|What abilities do you have?|"
        "What are your functions?|What functions do you have?|What are you good at?|"
        "What are you useful for?|What do you do?|What do you know how to do?|"
        "What can I ask you?|What can I use you for?|What can I do with you?|"
        "What tasks can you do?|Which tasks can you do?|What things can you do?|"
        "What kind of help can you give?|What kind of tasks can you do?|"
        "Tell me what you can do.|Tell me your skills.|Tell me about your skills.|"
        "Tell me what you are good at.|List your skills.|List your functions.|"
        "Show me what you can do.|Describe your abilities.|Describe what you can do.|"
        "I want to know what you can do.|I want to know your skills."
    ).split("|"),
    ("size", "zh"): (
        "你有多大？ 你有多少参数？ 你有多少个参数？ 你的参数量是多少？ 你的参数有多少？ 你的参数规模有多大？ 你的规模有多大？ 你的模型有多大？ "
        "你是多大的模型？ 你是大模型吗？ 你是小模型吗？ 你算大模型吗？ 你需要GPU吗？ 你需要显卡吗？ 你需要多少显存？ 你需要多少内存？ "
        "运行你需要显卡吗？ 运行你需要什么配置？ 运行你要多大的内存？ 你能在笔记本电脑上运行吗？ 你可以在普通电脑上运行吗？ 你能在CPU上运行吗？ "
        "你占多大空间？ 你的体积有多大？ 你的权重有多大？ 你比1.8B小吗？ 说说你的参数量。 说说你的规模。 告诉我你的参数量。 告诉我你有多大。 介绍一下你的规模。"
    ).split(),
    ("size", "en"): (
        "How big are you?|How large are you?|How many parameters do you have?|What is your size?|"
        "How many parameters are in you?|Are you a large model?|Are you a small model?|"
        "Are you a big model?|Do you need a GPU?|Can you run on a CPU?|Can you run on a laptop?|"
        "Can you run without a GPU?|How much memory do you need?|What is your parameter count?|"
        "What is your model size?|Tell me your size.|Tell me how big you are.|"
        "Tell me how many parameters you have.|Tell me your parameter count."
    ).split("|"),
    ("hello", "zh"): (
        "你好 您好 嗨 哈喽 你好呀 你好啊 您好呀 你们好 早上好 早安 上午好 中午好 下午好 晚上好 在吗？ 在不在？ 有人吗？ 你在吗？ 你好，在吗？ "
        "喂 喂，你好 很高兴见到你 很高兴认识你 初次见面 见到你很高兴 好久不见 我来了 我回来了 hello 嗨，你好 哈喽，你好 你好你好 小浦你好 小浦，早上好 同学你好"
    ).split(),
    ("hello", "en"): (
        "Hello|Hi|Hey|Hello there|Hi there|Hey there|Good morning|Good afternoon|Good evening|"
        "Nice to meet you|Hello, nice to meet you|Glad to meet you|Are you there?|Hello Xiaopu|"
        "Hi Xiaopu|Greetings|Good day|Hello again|Hi again|Is anyone there?"
    ).split("|"),
    ("thanks", "zh"): (
        "谢谢 谢谢你 谢谢您 多谢 多谢了 多谢你 非常感谢 感谢 感谢你 太感谢了 感谢你的帮助 谢谢你的帮助 谢谢你的回答 谢谢啦 谢谢了 辛苦了 你辛苦了 "
        "辛苦你了 麻烦你了 十分感谢 万分感谢 真是太谢谢你了 谢谢小浦 你帮了大忙 你真好，谢谢 好的，谢谢 明白了，谢谢 懂了，谢谢 谢谢你帮我 谢啦"
    ).split(),
    ("thanks", "en"): (
        "Thanks|Thank you|Thank you very much|Thanks a lot|Many thanks|Thank you so much|"
        "Thanks for your help|Thank you for your help|Thanks for the answer|Great, thanks|"
        "OK, thank you|Got it, thanks|I see, thank you|Thanks, Xiaopu|That helps, thanks|"
        "Much appreciated|I appreciate it|I appreciate your help|Thanks again|Thank you, well done"
    ).split("|"),
    ("bye", "zh"): (
        "再见 拜拜 拜 回头见 下次见 明天见 回见 我走了 我先走了 我要走了 我下线了 我要下线了 我去吃饭了 我去睡觉了 我要睡了 晚安 晚安，再见 改天再聊 "
        "下次再聊 下次聊 先聊到这里 今天就到这里 今天就聊到这里 先这样吧 那就这样，再见 好的，再见 谢谢，再见 那我走啦 我要去上课了 后会有期"
    ).split(),
    ("bye", "en"): (
        "Bye|Goodbye|Bye bye|See you|See you later|See you tomorrow|See you next time|"
        "Talk to you later|I have to go|I must go now|I am leaving|I am going to bed|Good night|"
        "That is all for today|Let us stop here|OK, bye|Thanks, bye|Have a nice day|Take care|"
        "Until next time|So long"
    ).split("|"),
    ("other", "zh"): (
        "写一首诗。 写一首关于春天的诗。 给我写首歌。 写一段代码。 帮我写代码。 用Python写个程序。 写一个排序算法。 帮我写作业。 帮我写一篇作文。 写一封邮件。 "
        "帮我订一张机票。 帮我点一份外卖。 放一首歌。 讲个笑话。 说个笑话吧。 唱首歌吧。 画一幅画。 陪我下棋。 帮我修电脑。 明天会下雨吗？ 明天天气怎么样？ "
        "今天股票涨了吗？ 明天股市会涨吗？ 彩票会开什么号码？ 世界杯谁会赢？ 今天有什么新闻？ 最近有什么电影？ 晚饭吃什么好？ 周末去哪里玩好？ 怎样才能发财？ "
        "怎么减肥？ 怎么学好数学？ 怎么做红烧肉？ 感冒了怎么办？ 头疼怎么办？ 怎么追女孩子？ 我心情不好怎么办？ 人生的意义是什么？ 宇宙有多大？ "
        "外星人存在吗？ 为什么天是蓝的？ 为什么会下雪？ 恐龙为什么灭绝了？ 量子力学是什么？ 相对论讲了什么？ 怎么证明勾股定理？ 解一下这个方程。 "
        "求这个函数的导数。 这道题怎么做？ 帮我总结这篇论文。 帮我分析这段数据。 把这段话翻译成法语。 给我推荐一本书。 推荐几部电影。 给我的猫起个名字。 "
        "帮我写一份简历。 帮我制定学习计划。 怎么申请大学？ 房价会跌吗？ 去火星要多久？ 你喜欢吃什么？ 你有女朋友吗？ 你几岁了？ 你住在哪里？ 你开心吗？"
    ).split(),
    ("other", "en"): (
        "Write a poem.|Write a poem about spring.|Write some code.|Write a Python program.|"
        "Write an email for me.|Write my homework.|Write a song.|Sing a song.|Tell me a joke.|"
        "Draw a picture.|Book a flight for me.|Order some food.|Play some music.|"
        "What is the news today?|Will it rain tomorrow?|Will the stock market go up?|"
        "Who will win the game?|What should I eat tonight?|Where should I travel?|"
        "How can I get rich?|How do I lose weight?|How do I cook rice?|How do I learn math?|"
        "What is the meaning of life?|How big is the universe?|Why is the sky blue?|"
        "Why does it snow?|What is quantum mechanics?|Explain relativity.|Solve this equation.|"
        "Summarize this paper.|Recommend a book.|Recommend a movie.|Give my cat a name.|"
        "Translate this into French.|Do you have a girlfriend?|How old are you?|Are you happy?|"
        "What do you like to eat?|Where do you live?"
    ).split("|"),
}

BEFORE: dict[Language, tuple[str, ...]] = {
    "zh": ("你好，", "嗨，", "您好，", "那个，", "小浦，", "对了，", "不好意思，", "哈喽，"),
    "en": ("Hello, ", "Hi, ", "Hey, ", "Excuse me, ", "So, ", "By the way, ", "Hi there, "),
}
"""What may stand before a phrasing."""
