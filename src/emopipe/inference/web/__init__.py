"""The page that recognises emotions in the browser, and the small server that hands it out."""
