"""The book's experiments from the command line; ``python -m gan_utils --help`` says how.

The exit code is 0 if all went well, 1 after a failure, 2 after wrong use, 130 after Ctrl-C. What
needs TensorFlow is imported inside the commands, so that ``--help`` is quick.
"""

import sys

from gan_utils import cli

if __name__ == "__main__":
    sys.exit(cli.main())
