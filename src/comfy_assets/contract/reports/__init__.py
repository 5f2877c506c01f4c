"""Reports of a check: on a terminal, as JSON, as JUnit, as one HTML page."""
