"""What stops a push: pauses, unusual sizes, a day's ceiling, complaints."""
