"""An analysis from inputs to results: check, prepare, plan, dispatch, write."""
