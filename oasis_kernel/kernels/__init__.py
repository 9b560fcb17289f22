"""The arithmetic: arrays in, arrays out, strict IEEE. Imports numpy, numba (through ``_jit``) and each other only."""
