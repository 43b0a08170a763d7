"""OpenTelemetry's protocol: its messages, and what generative AI is called in them."""
