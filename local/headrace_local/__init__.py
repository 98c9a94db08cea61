"""The laptop: an emulated AWS, with the real stack on it. It is never deployed."""
