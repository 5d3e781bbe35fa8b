"""Networks and recipes of the PaddlePaddle chapter and the Fluid notebook, to audit the sources."""
