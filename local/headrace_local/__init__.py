"""The laptop: an emulated AWS with the real stack on it. Never deployed."""
