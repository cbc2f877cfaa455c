"""What lesson 07 answers from: its knowledge base, retrieval, refusal, LlamaIndex, HuixiangDou."""
