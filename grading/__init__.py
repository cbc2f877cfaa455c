"""What instructors and TAs run: the builder, grading, feedback and points."""
