"""The dashboard: how things stand, as a static site that works from a folder as from a web server."""
