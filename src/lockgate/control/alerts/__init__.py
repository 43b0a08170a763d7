"""Alerts: what somebody is to know at once, and the channels by which it reaches them. `post.Post` says who hears what,
`dispatch.Dispatch` sees to it that they do."""
