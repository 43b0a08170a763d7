"""Which texts lie nearest to another, of those of one partition: an index in process."""
