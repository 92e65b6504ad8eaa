"""The papers of a kit: guide as HTML and PDF, bill of materials, pictures."""
