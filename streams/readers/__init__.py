"""Reading what the stages wrote: topics from start to end, and what they say put in order for people and programs."""
