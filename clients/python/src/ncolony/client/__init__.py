"""What a program does that runs as a service."""
