"""Two models on the same faces: the statistics of the pair, and the same comparison as text, Markdown and HTML."""
