"""What each kind of page shows, as data: frozen structures and the pure functions that make them from the facts."""
