"""What the role `admin` adds: Django's admin over the tables of the other roles."""
