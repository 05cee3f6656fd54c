"""What this replica answers, for machines and for people: the contract's OpenAPI document, published."""
