"""Lesson 04: where memory goes, quantised weights and caches, serving, and function calls."""
