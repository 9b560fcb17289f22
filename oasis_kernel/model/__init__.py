"""The vocabulary: frozen values that OED becomes and ORD comes from. Imports nothing of the house but errors."""
