"""What is known of each language: a table of its words for every language that canonical keys do more for than be safe."""
