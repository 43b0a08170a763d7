"""Whether two texts ask the same: the pairs it is measured on, and the training of the verifier."""
