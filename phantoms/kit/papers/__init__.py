"""What comes with a kit on paper: guide as HTML and PDF, bill of materials, pictures."""
