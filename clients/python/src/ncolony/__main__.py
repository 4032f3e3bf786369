"""python -m ncolony ctl --messages M --config C VERB ..."""

import sys

from ncolony import ctllib

if __name__ == "__main__":
    try:
        ctllib.main(sys.argv[1:])
    except (OSError, ValueError) as err:
        sys.exit(f"ncolony ctl: {err}")
