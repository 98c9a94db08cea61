"""Fetches files from FTP and SFTP servers into the landing bucket."""
