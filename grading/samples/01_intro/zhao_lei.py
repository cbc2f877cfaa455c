# ---
# jupyter:
#   course:
#     language: zh
# ---
