"""The shop: a bilingual catalogue, people who search and click, and what goes wrong."""
