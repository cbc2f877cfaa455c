"""What lesson 06 shows and measures: tools, traces, a search graph, their evidence."""
