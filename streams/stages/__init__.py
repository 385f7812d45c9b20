"""The three stages between the topics: score, evaluate and detect."""
