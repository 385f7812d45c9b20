"""The contracts: what every record means, and the rules that it must keep. Imports nothing of ours."""
