"""What a person meets: the command line, explorers, annotation, the workshop, the site."""
