"""A learner's kit: what a learner needs of the course, and nothing that gives answers away."""
