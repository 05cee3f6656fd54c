"""Framework Lab: what a web framework costs and gives once it runs as a cloud-native service."""
