"""What a machine has for the course, what is wrong with it, and the fix for each."""
