"""``python -m segxal.apps.site``: build the site and say where it is."""

import sys

from segxal.apps.site.build import build
from segxal.core.errors import SegxalError

if __name__ == "__main__":
    try:
        print(f"site   {build()}  (open it in a browser; it needs no network)")
    except SegxalError as error:
        sys.exit(f"segxal: {error}")
