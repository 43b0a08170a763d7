"""Where rate limits are counted: in one worker, in all workers of a machine, in all machines."""
