"""Reads tickets with a language model, and stores its answers.

The stored answers are permanent, so their columns must stay readable.

- `text`: finds the columns with the customer's words; cleans, shortens and hashes them.
- `answer`: the structure of an answer, and its parser.
- `prompt`: the prompt.
- `engine`: the interface of an engine.
- `ollama`: an engine that uses a local Ollama server.
- `sources`, `messages`: the file to read, and its messages.
- `results`: the stored answers.
- `batch`: reads many messages, each at most once.
- `evaluate`: measures how well an engine reads.
- `commands`: implements `churn enrich` and related commands.
"""
