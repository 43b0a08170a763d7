"""Where records go besides the log: a feed for each sink, which reads the spool at its own pace."""
