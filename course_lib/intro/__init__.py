"""What lesson 01 shows: the open chain, dated facts, pictures, sliders, small experiments."""
