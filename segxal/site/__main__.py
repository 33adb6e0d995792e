"""``python -m segxal.site``: build the site and say where it is."""

import sys

from segxal.errors import SegxalError
from segxal.site.build import build

if __name__ == "__main__":
    try:
        print(f"site   {build()}  (open it in a browser; it needs no network)")
    except SegxalError as error:
        sys.exit(f"segxal: {error}")
