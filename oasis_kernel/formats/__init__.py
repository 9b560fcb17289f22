"""The only file IO: exposure (OED), results (ORD) and model data (Oasis standard files)."""
