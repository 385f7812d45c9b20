"""How good a match model is on a file of labelled pairs."""
