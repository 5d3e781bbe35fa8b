"""Teaching: what makes an idea move in the page."""
