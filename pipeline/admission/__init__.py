"""The gates on what is generated: what may become a recipe, and what waits for a time or a person. Pure."""
