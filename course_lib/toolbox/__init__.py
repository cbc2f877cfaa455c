"""The upstream tools: installed apart from the course, run from notebooks and terminals."""
