"""A cohort's archive: one file with all that its scores came from, and the way back to a course."""
