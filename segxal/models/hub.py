"""The hub that published weights come from: whether it answers at all."""

import urllib.error
import urllib.request

WAIT = 5.0  # seconds for the hub to answer


def unreachable() -> str:
    """Why nothing can be downloaded; empty when the hub answers.

    The hub's own client asks six times with growing pauses, so whether anybody answers is found out beforehand.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    try:
        with urllib.request.urlopen(urllib.request.Request(constants.ENDPOINT, method="HEAD"), timeout=WAIT):
            return ""
    except urllib.error.HTTPError:
        return ""  # an answer
    except OSError as error:
        return f"{constants.ENDPOINT} does not answer: {getattr(error, 'reason', error)}"
