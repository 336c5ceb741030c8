"""Programs for developers: long campaigns and what makes shipped data; not part of the package."""
