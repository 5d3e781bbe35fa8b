"""What ``python -m gan_utils`` runs: the commands of ``gan_utils.cli``."""

import sys

from gan_utils import cli

if __name__ == "__main__":
    sys.exit(cli.main())
