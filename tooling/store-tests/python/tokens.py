import re

# In src/tokens.ts the same once more.
WORD = re.compile(r"[a-zA-Z]+|[^a-zA-Z \n]")

# None is LlamaIndex's own, which old versions look for on the network.
TOKENIZERS = {"words": WORD.findall, "default": None}
