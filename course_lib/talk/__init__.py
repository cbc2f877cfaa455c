"""What lesson 02 shows: pictures, tokens, the next token's distribution, the story's evidence."""
