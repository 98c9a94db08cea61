"""Files that are fetched from FTP and SFTP servers into the landing bucket."""
