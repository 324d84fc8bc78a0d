"""Reads tickets with a language model, and keeps its answers.

The answers are kept for good, so their stored columns must stay readable.

- `text`: which columns hold the customer's words; cleans, shortens and hashes them.
- `answer`: the structure of an answer, and how to parse one.
- `prompt`: the prompt.
- `engine`: the interface of a model.
- `ollama`: an engine that asks a local Ollama server.
- `sources`, `messages`: the file to read, and the messages in it.
- `results`: the stored answers.
- `batch`: reads many messages, each at most once.
- `evaluate`: how well an engine reads.
- `commands`: what `churn enrich` and its companions do.
"""
