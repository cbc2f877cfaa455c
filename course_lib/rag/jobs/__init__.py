"""Scripts that run in the environments of LlamaIndex and of HuixiangDou, not in the course's."""
