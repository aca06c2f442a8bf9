"""How each recipe was made: the answers that it was made from, the statements about it, and making it again."""
