"""What pages and Markdown reports share: the style, pictures inside a page, templates, tables."""
