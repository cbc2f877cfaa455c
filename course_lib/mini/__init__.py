"""camp-mini: a chat model small enough to ship, made from programmed text and trained here."""
