"""Use of an exported model: on files, live on a camera, in the browser, and over HTTP."""
