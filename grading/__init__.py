"""What instructors and TAs run: the builder, grading, feedback and points."""

import sys

# jsonschema takes it, where it is installed, to check web addresses; nobody here asks for that,
# and it takes a second of every command to import.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
