"""What several kinds of tests stand on: fakes, servers' files, schedules."""
