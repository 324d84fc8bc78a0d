"""What tickets say, read by a language model.

- `text`: which columns hold the customer's words; cleaned, shortened, hashed.
- `answer`: what is said about a ticket, and how a model's words become that.
- `prompt`: what a model is told.
- `engine`: what reads a ticket, whatever model is behind it.
- `ollama`: the engine that asks a model of a local Ollama server.
- `sources`, `messages`: which file is read, and the messages in it.
- `results`: what was read, kept for good.
- `batch`: reading many messages, each at most once.
- `evaluate`: how well an engine reads.
- `commands`: what `churn enrich` and its companions do.
"""
