"""Web pages that the lessons open beside the notebook."""
