"""Shared parts of HTML pages and Markdown reports: style, embedded images, templates, tables."""
