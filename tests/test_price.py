"""Minutes: closed forms, columns, and a stated price for every oracle."""

import numpy as np
import pandas as pd
import pytest

from segxal.acquisition.oracles import ORACLES
from segxal.core.price import CLICKS, SECONDS_PER_CLICK, SECONDS_PER_IMAGE, minutes
from segxal.methods.base import PEOPLE


def test_minutes_by_hand():
    assert minutes(3, 30, seconds_per_click=4, seconds_per_image=20) == (3 * 20 + 30 * 4) / 60 == 3
    assert minutes(0, 60 / SECONDS_PER_CLICK) == 1
    assert minutes(60 / SECONDS_PER_IMAGE, 0) == 1
    assert minutes(0, 0) == 0


def test_columns_give_a_column():
    records = pd.DataFrame({"images": [0, 6, 12], "clicks": [0, 30, 90]}, index=[4, 5, 6])
    found = minutes(records.images, records.clicks)
    expected = [minutes(i, c) for i, c in zip(records.images, records.clicks, strict=True)]
    pd.testing.assert_series_equal(found, pd.Series(expected, index=[4, 5, 6]))
    assert found.is_monotonic_increasing
    assert minutes(np.array([1, 2]), np.array([0, 0])) == pytest.approx(np.array([1, 2]) * SECONDS_PER_IMAGE / 60)


def test_every_oracle_has_a_stated_price():
    assert set(CLICKS) == {*ORACLES, PEOPLE}
