"""The demo: a shop, a pipeline and one alert, with everything started and stopped around it."""
