"""What comparing needs to know of each language's words: which deny, ask, oppose each other, or mean the same."""
